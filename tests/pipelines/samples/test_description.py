"""The words for a picture are true of it."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw

from pipelines.samples.description import Look, describe


def jpeg(background: str, shape: str | None = None, size: tuple[int, int] = (320, 240)) -> bytes:
    image = Image.new("RGB", size, background)
    if shape:
        width, height = size
        ImageDraw.Draw(image).ellipse((width // 4, height // 5, width * 3 // 4, height * 4 // 5), fill=shape)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


@pytest.mark.parametrize(
    ("background", "shape", "look"),
    [
        ("white", "black", Look("black", "white", "bright")),
        ("black", "red", Look("red", "black", "dark")),
        ("teal", "yellow", Look("yellow", "teal", "vivid")),
        ("blue", "orange", Look("orange", "blue", "vivid")),
        ("grey", None, Look("grey", "grey", "muted")),
        ("white", None, Look("white", "white", "bright")),
    ],
)
def test_colours_and_tone(background: str, shape: str | None, look: Look) -> None:
    assert describe(jpeg(background, shape)) == look


def test_two_colours_of_a_background_are_both_named() -> None:
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 99, 199), fill="black")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95)
    assert set(describe(out.getvalue()).background.split(" and ")) == {"black", "white"}


@pytest.mark.parametrize("size", [(1, 1), (3, 300), (336, 336)])
def test_any_size(size: tuple[int, int]) -> None:
    assert describe(jpeg("white", size=size)) == Look("white", "white", "bright")


def test_grey_pictures_are_read() -> None:
    out = io.BytesIO()
    Image.new("L", (64, 64), 0).save(out, "JPEG")
    assert describe(out.getvalue()) == Look("black", "black", "dark")
