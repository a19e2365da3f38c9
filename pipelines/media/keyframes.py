"""The pictures that stand for a media object: JPEGs at training size, one a scene. Called by `examine`."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from pipelines.media.images import flatten, shrink
from pipelines.media.recipe import MediaRecipe
from pipelines.media.videos import Video, to_image

JPEG_QUALITY = 90


def scenes(duration_seconds: float, recipe: MediaRecipe) -> list[tuple[float, float]]:
    """Start and end (s) of equal parts of the time: as many as the recipe says, none shorter than its minimum."""
    count = max(1, min(recipe.scenes, int(duration_seconds / recipe.min_scene_seconds)))
    return [(duration_seconds * i / count, duration_seconds * (i + 1) / count) for i in range(count)]


def scene_frames(video: Video) -> list[tuple[float, float, Any]]:
    """Start, end and middle frame of each scene. Raises RefusalError."""
    parts = scenes(video.duration_seconds, video.recipe)
    return [(start, end, video.frame_at((start + end) / 2)) for start, end in parts]


def keyframe_row(media_id: str, scene: int, start: float, end: float, picture: Image.Image) -> dict[str, Any]:
    """A row of `keyframes`."""
    return {"media_id": media_id, "scene": scene, "start": start, "end": end, "jpeg": encode_jpeg(picture)}


def frame_picture(frame: Any, video: Video) -> Image.Image:
    """A video frame upright at keyframe size."""
    return flatten(shrink(to_image(frame, video.stream), video.recipe.keyframe_side))


def encode_jpeg(picture: Image.Image) -> bytes:
    """The picture as a JPEG: quality 90, 4:2:0, without metadata; the same pixels give the same bytes."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:0", optimize=False, exif=b"", icc_profile=None)
    return out.getvalue()
