"""Draws what a post shows: a coloured thing on an uneven grey ground, as an array and as a JPEG file.

All geometry is in whole numbers, so that the pixels do not depend on the machine.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipelines.synthetic.copies import CROPPED, REENCODED, RESIZED
from pipelines.synthetic.draws import generator
from pipelines.synthetic.world import COLOURS, SHAPES, Posts

Pixels = NDArray[np.uint8]
IMAGE_SIZE = (256, 192)
RGB = {
    "red": (222, 38, 38), "orange": (244, 138, 24), "yellow": (244, 222, 48), "green": (44, 168, 64),
    "teal": (36, 184, 184), "blue": (38, 78, 214), "purple": (134, 56, 184), "pink": (244, 128, 190),
}  # fmt: skip
_GROUND = (56, 112, 168)  # Mean grey level in poor, fair and good light.
_LIT_PERCENT = (70, 85, 100)
# Corners of a five-pointed star in a circle of radius 1000.
_STAR = (
    (0, -1000), (235, -324), (951, -309), (380, 124), (588, 809),
    (0, 400), (-588, 809), (-380, 124), (-951, -309), (-235, -324),
)  # fmt: skip


def ground(texture: int, scene: int, light: int, size: tuple[int, int]) -> Pixels:
    """An uneven ground of its own for every texture and scene, so that no two posts look alike by chance; H x W x 3."""
    rng = generator(texture, scene)
    coarse = rng.integers(-55, 56, (6, 8)) + _GROUND[light]
    grey = Image.fromarray(coarse.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(grey)
    for left, top, width, height, level in rng.integers(0, 100, (5, 5)).tolist():
        x, y = left * size[0] // 100, top * size[1] // 100
        corner = (x + 2 + width * size[0] // 400, y + 2 + height * size[1] // 400)
        pen.rectangle(((x, y), corner), fill=_GROUND[light] + level - 50)
    tint = rng.integers(88, 101, 3)
    return (np.asarray(grey, np.int64)[:, :, None] * tint // 100).astype(np.uint8)


def put(pixels: Pixels, shape: int, rgb: tuple[int, int, int], centre: tuple[int, int], radius: int) -> None:
    """Paint a thing over the pixels, in place; the same figure whatever the size of the picture."""
    mask = _mask(SHAPES[shape], pixels.shape[1], pixels.shape[0], centre, radius)
    pixels[mask] = rgb


def _mask(shape: str, width: int, height: int, centre: tuple[int, int], r: int) -> NDArray[np.bool_]:
    u = np.arange(width)[None, :] - centre[0]
    v = np.arange(height)[:, None] - centre[1]
    square = u * u + v * v
    if shape == "circle":
        return square <= r * r
    if shape == "ring":
        return (square <= r * r) & (square * 100 >= r * r * 30)
    if shape == "square":
        return (np.abs(u) * 10 <= r * 8) & (np.abs(v) * 10 <= r * 8)
    if shape == "triangle":
        return (v * 10 <= r * 7) & (np.abs(u) * 10 <= (v + r) * 6)
    if shape == "cross":
        thick, long = r * 3 // 10, r
        return ((np.abs(u) <= thick) & (np.abs(v) <= long)) | ((np.abs(v) <= thick) & (np.abs(u) <= long))
    canvas = Image.new("L", (width, height))
    corners = [(centre[0] + x * r // 1000, centre[1] + y * r // 1000) for x, y in _STAR]
    ImageDraw.Draw(canvas).polygon(corners, fill=255)
    return np.asarray(canvas) > 0


def lit(colour: int, light: int, percent: int = 100) -> tuple[int, int, int]:
    """The colour as it looks in that light."""
    red, green, blue = (level * _LIT_PERCENT[light] * percent // 10_000 for level in RGB[COLOURS[colour]])
    return red, green, blue


def place(posts: Posts, row: int, size: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """Centre and radius of the post's thing, in pixels."""
    centre = int(posts.x[row]) * size[0] // 1000, int(posts.y[row]) * size[1] // 1000
    return centre, int(posts.radius[row]) * min(size) // 1000


def jpeg(posts: Posts, row: int, media: str, *, second: bool = False) -> bytes:
    """The post's picture as JPEG, changed as `media` of its copy kind says; `second` is a gallery's other picture."""
    texture, light = int(posts.texture[row]), int(posts.light[row])
    pixels = ground(texture, 9 if second else 0, light, IMAGE_SIZE)
    centre, radius = place(posts, row, IMAGE_SIZE)
    put(
        pixels, int(posts.shape[row]), lit(int(posts.colour[row]), light), centre, radius * 3 // 4 if second else radius
    )
    original = _encode(Image.fromarray(pixels), 85)
    if media not in (REENCODED, RESIZED, CROPPED):
        return original
    picture: Image.Image = Image.open(io.BytesIO(original))
    if media == RESIZED:
        picture = picture.resize((picture.width * 5 // 8, picture.height * 5 // 8), Image.Resampling.BICUBIC)
    if media == CROPPED:
        picture = picture.crop((8, 6, picture.width - 8, picture.height - 6))
    return _encode(picture, 45 if media == REENCODED else 80)


def _encode(picture: Image.Image, quality: int) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=quality)
    return sink.getvalue()
