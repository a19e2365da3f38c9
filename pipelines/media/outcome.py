"""What came of looking at a media object; the reasons are the classes that a ledger counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

Reason = Literal[
    "empty",
    "too_large",
    "not_media",
    "wrong_type",
    "truncated",
    "damaged",
    "too_many_pixels",
    "too_small",
    "blank",
    "no_frames",
    "too_long",
]
REASONS: tuple[str, ...] = get_args(Reason)
"""empty: no bytes. too_large: over `max_bytes`. not_media: no known media type by content. wrong_type: a media type
that the lake does not keep (sound, TIFF, HEIC, ...). truncated: ends before its own structure says. damaged: cannot be
decoded. too_many_pixels, too_small, too_long: out of the recipe's bounds. blank: one colour. no_frames: a video file
without a picture."""


@dataclass(frozen=True)
class Refused:
    """Why an object was not taken: `reason` is counted, `detail` is for people."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True)
class Probed:
    """What a media object is, by its content."""

    kind: Literal["image", "video"]
    mime: str
    width: int
    """As shown (px): EXIF orientation, video rotation and pixel shape applied."""
    height: int
    duration_seconds: float | None
    """Of a video's picture stream; null for an image, animated or not."""


@dataclass(frozen=True)
class Examined:
    """An accepted object: its row of `media` and its rows of `keyframes`, as those contracts name the columns."""

    media: dict[str, Any]
    keyframes: tuple[dict[str, Any], ...]


class RefusalError(Exception):
    """Carries a `Refused` out of a decoder; it never leaves this package."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.refused = Refused(reason, " ".join(detail.split())[:300])
        super().__init__(reason, detail)
