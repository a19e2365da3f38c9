"""Still pictures through Pillow, bounded before a pixel is decoded. Called by `probe` and `examine`."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from pipelines.media.outcome import Reason, RefusalError
from pipelines.media.recipe import MediaRecipe
from pipelines.media.sniff import IMAGES

_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""
_STRIP_ROWS = 64
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What Pillow's decoders raise on hostile bytes, found by cutting and flipping files of each format (the tests do).
DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def load_image(stream: BinaryIO, mime: str, recipe: MediaRecipe) -> tuple[Image.Image, int, int]:
    """The picture upright in RGB at keyframe size, and its full width and height as shown (px).

    An animation gives its first frame. A JPEG is decoded at the smallest scale that still holds a keyframe. Raises
    RefusalError.
    """
    with _decoding(), Image.open(stream, formats=(IMAGES[mime],)) as image:
        check_size(*image.size, recipe)
        width, height = image.size
        image.draft("RGB", (recipe.keyframe_side, recipe.keyframe_side))
        image.load()
        orientation = _orientation(image)
        upright = flatten(shrink(image, recipe.keyframe_side))
        if orientation in _UPRIGHT:
            upright = upright.transpose(_UPRIGHT[orientation])
        return upright, *((height, width) if orientation in _TURNED else (width, height))


def check_size(width: int, height: int, recipe: MediaRecipe) -> None:
    """Raise RefusalError where the picture is larger or smaller than the recipe allows."""
    if width * height > recipe.max_pixels:
        raise RefusalError("too_many_pixels", f"{width}x{height}")
    if min(width, height) < recipe.min_side:
        raise RefusalError("too_small", f"{width}x{height}")


def shrink(image: Image.Image, side: int) -> Image.Image:
    """The picture with its longest side at most `side` (px), in a mode that can be averaged; small ones are kept."""
    scale = side / max(image.size)
    if scale >= 1:
        return _averageable(image)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    factor = max(image.size) // (2 * side)
    image = _reduced(image, factor) if factor > 1 else _averageable(image)
    return image.resize(size, Image.Resampling.BICUBIC)


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """Blocks of `factor` x `factor` pixels averaged, in strips: a copy of a large picture would double the memory."""
    width, height = image.size
    parts = []
    for top in range(0, height, factor * _STRIP_ROWS):
        strip = image.crop((0, top, width, min(height, top + factor * _STRIP_ROWS)))
        parts.append(_averageable(strip).reduce(factor))
    whole = Image.new(parts[0].mode, (parts[0].width, sum(part.height for part in parts)))
    for i, part in enumerate(parts):
        whole.paste(part, (0, i * _STRIP_ROWS))
    return whole


def _averageable(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def is_blank(image: Image.Image) -> bool:
    """Whether every pixel has one and the same colour."""
    return all(low == high for low, high in image.convert("RGB").getextrema())  # type: ignore[misc]


def flatten(image: Image.Image) -> Image.Image:
    """The picture in RGB, what is transparent over white."""
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (255, 255, 255, 255)), rgba)
    return image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except DECODE_ERRORS:
        # An unreadable EXIF block tells no orientation; the picture itself may be whole.
        return 1
    return value if value in range(1, 9) else 1


@contextmanager
def _decoding() -> Iterator[None]:
    """Pillow's errors as refusals; its warnings (odd EXIF, large images) are decided here by the recipe instead."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except RefusalError:
        raise
    except Image.DecompressionBombError as error:
        raise RefusalError("too_many_pixels", str(error)) from error
    except UnidentifiedImageError as error:
        raise RefusalError("damaged", "the header cannot be read") from error
    except DECODE_ERRORS as error:
        raise RefusalError(_reason(error), str(error)) from error


def _reason(error: Exception) -> Reason:
    words = str(error).lower()
    cut = isinstance(error, EOFError) or any(word in words for word in ("truncated", "unexpected end", "not enough"))
    return "truncated" if cut else "damaged"
