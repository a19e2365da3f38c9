"""What the media job accepts and what it keeps of it: the configuration of `examine`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MEBIBYTE = 1 << 20


class MediaRecipe(BaseModel):
    """Limits and settings of one media run; its JSON is part of the run's fingerprint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(512 * MEBIBYTE, ge=1)
    """Larger objects are refused before they are opened (B)."""
    max_pixels: int = Field(50_000_000, ge=4, le=178_956_970)
    """Width times height of a picture or video frame; 50 million are 200 MB decoded. The most is Pillow's own limit."""
    min_side: int = Field(2, ge=1)
    """A picture with a shorter side is refused (px); 1 lets one-pixel images pass."""
    max_duration_seconds: float = Field(4 * 3600.0, gt=0)
    """Longer videos are refused (s)."""
    refuse_blank: bool = True
    """Refuse a picture, or a video all of whose keyframes, of one colour: it shows nothing."""
    scenes: int = Field(4, ge=1, le=64)
    """Scenes of a video: equal parts of its time."""
    min_scene_seconds: float = Field(1.0, gt=0)
    """Shortest scene (s); a shorter video has fewer scenes, at least one."""
    max_frames_per_scene: int = Field(20_000, ge=1)
    """Frames decoded to reach the middle of a scene, at most: a bound on hostile files without seek points."""
    keyframe_side: int = Field(336, ge=16, le=4096)
    """Longest side of a stored keyframe (px); 336 is the input side of the CLIP encoder of LLaVA-1.5."""
