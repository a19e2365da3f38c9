"""What a keyframe shows, told without a model: colours of foreground and background, and the tone; used by `render`.

Integer arithmetic on a thumbnail: the same JPEG gives the same words. The background is what the border of the picture
shows; the foreground is what in the middle differs from it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

_SIDE = 48
_BORDER = 6
_BITS = 5
"""Colours are told apart by so many bits a channel."""
_SHARE_PERCENT = 15
"""A colour is named where it covers so much of its region."""
_MOST_NAMED = 3
_PALETTE = {
    "black": (0, 0, 0), "dark grey": (70, 70, 70), "grey": (128, 128, 128), "light grey": (195, 195, 195),
    "white": (255, 255, 255), "red": (215, 30, 35), "dark red": (120, 15, 20), "orange": (240, 130, 30),
    "brown": (120, 75, 40), "beige": (220, 200, 165), "yellow": (240, 220, 40), "olive": (115, 115, 40),
    "light green": (140, 220, 130), "green": (45, 155, 60), "dark green": (20, 75, 35), "teal": (25, 130, 130),
    "cyan": (50, 215, 225), "light blue": (150, 195, 235), "blue": (35, 85, 205), "navy": (15, 25, 95),
    "purple": (125, 50, 160), "magenta": (215, 40, 180), "pink": (245, 165, 190),
}  # fmt: skip
_NAMES = list(_PALETTE)
_COLOURS = np.array(list(_PALETTE.values()), dtype=np.int32)

Pixels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Look:
    """Words for one picture."""

    foreground: str
    background: str
    tone: str


def describe(jpeg: bytes) -> Look:
    """The look of a JPEG from `keyframes`."""
    with Image.open(io.BytesIO(jpeg)) as image:
        # Decoding at a fraction of the size is several times faster.
        image.draft("RGB", (_SIDE, _SIDE))
        small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    pixels: Pixels = np.asarray(small, dtype=np.int32)
    cell = pixels >> (8 - _BITS)
    named = _names()[(cell[..., 0] << 2 * _BITS) + (cell[..., 1] << _BITS) + cell[..., 2]]
    inner = np.zeros((_SIDE, _SIDE), dtype=bool)
    inner[_BORDER:-_BORDER, _BORDER:-_BORDER] = True
    background = _frequent(named[~inner])
    middle = named[inner]
    differs = ~np.isin(middle, background)
    # Specks are not a foreground: under a fiftieth of the middle, the picture is all of one piece.
    foreground = _frequent(middle[differs]) if differs.sum() * 50 >= middle.size else _frequent(middle)
    return Look(_listed(foreground), _listed(background), _tone(pixels.reshape(-1, 3)))


@lru_cache(maxsize=1)
def _names() -> npt.NDArray[np.int64]:
    """The nearest palette colour of every cell of the colour cube, by the colour in the middle of the cell."""
    cells = np.indices((1 << _BITS,) * 3, dtype=np.int32).reshape(3, -1).T
    width = 1 << (8 - _BITS)
    return _nearest(cells * width + width // 2)


def _nearest(pixels: Pixels) -> npt.NDArray[np.int64]:
    """Index of the nearest palette colour by the `redmean` distance, a cheap weighting after the eye's sensitivity."""
    difference = pixels[:, None, :] - _COLOURS[None, :, :]
    red_mean = (pixels[:, None, 0] + _COLOURS[None, :, 0]) // 2
    square = difference**2
    distance = ((512 + red_mean) * square[..., 0] >> 8) + 4 * square[..., 1] + ((767 - red_mean) * square[..., 2] >> 8)
    nearest: npt.NDArray[np.int64] = np.argmin(distance, axis=1)
    return nearest


def _frequent(named: npt.NDArray[np.int64]) -> list[int]:
    """The colours that cover enough of the region, most frequent first; at least one."""
    counts = np.bincount(named, minlength=len(_NAMES))
    order = np.lexsort((np.arange(len(_NAMES)), -counts))[:_MOST_NAMED]
    return [int(i) for rank, i in enumerate(order) if rank == 0 or counts[i] * 100 >= named.size * _SHARE_PERCENT]


def _listed(indices: list[int]) -> str:
    names = [_NAMES[i] for i in indices]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _tone(pixels: Pixels) -> str:
    """dark by the mean of the strongest channel, bright by mean luma (ITU-R BT.601), else vivid or muted by chroma."""
    if int(pixels.max(axis=1).sum()) < 90 * len(pixels):
        return "dark"
    luma = int((pixels @ np.array([299, 587, 114])).sum()) // (1000 * len(pixels))
    if luma > 185:
        return "bright"
    chroma = int((pixels.max(axis=1) - pixels.min(axis=1)).sum()) // len(pixels)
    return "vivid" if chroma >= 80 else "muted"
