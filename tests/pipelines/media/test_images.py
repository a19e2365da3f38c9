"""Still pictures: what is accepted, how it is shown, and what hostile files end as."""

from __future__ import annotations

import io
import struct

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipelines.media.examine import examine, probe
from pipelines.media.outcome import Examined, Probed, Refused
from pipelines.media.recipe import MediaRecipe
from schemas import KEYFRAMES, MEDIA
from schemas.contract import conform
from tests.pipelines.media.drawn import animated_gif, encoded, picture, png_declaring

RECIPE = MediaRecipe()
FORMATS = {"JPEG": "jpeg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "AVIF": "avif"}


def _accepted(data: bytes, recipe: MediaRecipe = RECIPE) -> Examined:
    result = examine(data, recipe)
    assert isinstance(result, Examined), result
    return result


def _reason(data: bytes, recipe: MediaRecipe = RECIPE) -> str:
    result = examine(data, recipe)
    assert isinstance(result, Refused), result
    return result.reason


def _shown(examined: Examined) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(examined.keyframes[0]["jpeg"]))).astype(int)


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_is_known_by_content_and_gives_one_keyframe(form: str) -> None:
    data = encoded(picture(), form)
    result = _accepted(data)
    assert (result.media["kind"], result.media["mime"]) == ("image", f"image/{FORMATS[form]}")
    assert (result.media["width"], result.media["height"], result.media["num_bytes"]) == (96, 64, len(data))
    assert [(row["scene"], row["start"], row["end"]) for row in result.keyframes] == [(0, 0.0, 0.0)]
    assert np.abs(_shown(result) - np.asarray(picture()).astype(int)).mean() < 12


def test_rows_fit_their_contracts() -> None:
    result = _accepted(encoded(picture(), "PNG"))
    media = conform(pa.Table.from_pylist([result.media]), MEDIA)
    keyframes = conform(pa.Table.from_pylist(list(result.keyframes)), KEYFRAMES)
    assert media["media_id"].to_pylist() == keyframes["media_id"].to_pylist()
    assert media["fingerprint"].null_count == 1


def test_keyframe_is_shrunk_to_the_longest_side_and_small_pictures_are_not_grown() -> None:
    recipe = MediaRecipe(keyframe_side=100)
    assert _shown(_accepted(encoded(picture(1000, 500), "JPEG"), recipe)).shape == (50, 100, 3)
    assert _shown(_accepted(encoded(picture(60, 90), "JPEG"), recipe)).shape == (90, 60, 3)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_large_picture_is_shrunk_alike_in_strips(mode: str) -> None:
    large = picture(1700, 1300).convert(mode)
    shown = _shown(_accepted(encoded(large, "PNG"), MediaRecipe(keyframe_side=100)))
    whole = np.asarray(large.convert("RGB").resize((100, 76), Image.Resampling.BOX)).astype(int)
    assert shown.shape == (76, 100, 3)
    assert np.abs(shown - whole).mean() < 6


def test_same_bytes_give_the_same_rows() -> None:
    data = encoded(picture(700, 500), "JPEG")
    assert examine(data, RECIPE) == examine(bytes(bytearray(data)), RECIPE)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(form: str, orientation: int) -> None:
    upright = picture(96, 64)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = _accepted(encoded(stored, form, exif=exif))
    assert (result.media["width"], result.media["height"]) == (96, 64)
    assert np.abs(_shown(result) - np.asarray(upright).astype(int)).mean() < 12


def test_animated_gif_is_an_image_of_its_first_frame() -> None:
    result = _accepted(animated_gif())
    assert (result.media["kind"], result.media["duration_seconds"], len(result.keyframes)) == ("image", None, 1)
    shown = _shown(result)
    first, second = (np.asarray(picture(seed=seed)).astype(int) for seed in (1, 2))
    assert np.abs(shown - first).mean() < np.abs(shown - second).mean() / 2


def test_transparent_pixels_are_shown_white() -> None:
    rgba = picture().convert("RGBA")
    rgba.paste((0, 0, 0, 0), (0, 0, 48, 64))
    assert _shown(_accepted(encoded(rgba, "PNG")))[:, 4:40].min() > 245


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
    shown = _shown(_accepted(encoded(Image.fromarray(ramp), "PNG")))
    assert abs(int(shown[16, 32, 0]) - 128) < 6


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_truncated_picture_is_refused(form: str, share: float) -> None:
    data = encoded(picture(200, 150), form)
    assert _reason(data[: int(len(data) * share)]) in ("truncated", "damaged")


def test_truncated_jpeg_is_named_so() -> None:
    data = encoded(picture(200, 150), "JPEG")
    assert _reason(data[: len(data) // 2]) == "truncated"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"this is no picture\n" * 20, "not_media"),
        (b"<!DOCTYPE html><title>404</title>", "not_media"),
        (b"%PDF-1.7 something", "wrong_type"),
        (b"ID3\x04 an mp3 named .jpg", "wrong_type"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    assert _reason(data) == reason


@pytest.mark.parametrize("head", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x04\0\0\0WEBP"])
def test_a_bare_signature_is_no_picture(head: bytes) -> None:
    assert _reason(head) in ("truncated", "damaged")


def test_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    bomb = png_declaring(60_000, 60_000, rows=64)
    assert len(bomb) < 10_000
    assert _reason(bomb) == "too_many_pixels"


def test_huge_declared_size_is_refused() -> None:
    assert _reason(png_declaring(2_000_000_000, 2_000_000_000)) == "too_many_pixels"
    assert _reason(png_declaring(9_000, 9_000)) == "too_many_pixels"


@pytest.mark.parametrize(("width", "height"), [(65_535, 65_535), (9_000, 6_000)])
def test_gif_frame_larger_than_its_screen_is_refused(width: int, height: int) -> None:
    data = bytearray(encoded(picture(64, 64).convert("P"), "GIF"))
    frame = data.index(b"\x2c\0\0\0\0", 13) + 5
    data[frame : frame + 4] = struct.pack("<HH", width, height)
    assert _reason(bytes(data)) == "too_many_pixels"


def test_one_pixel_and_blank_pictures_are_refused_and_may_be_allowed() -> None:
    pixel = encoded(Image.new("RGB", (1, 1), (9, 9, 9)), "PNG")
    blank = encoded(Image.new("RGB", (64, 64), (9, 99, 9)), "JPEG")
    assert (_reason(pixel), _reason(blank)) == ("too_small", "blank")
    lenient = MediaRecipe(min_side=1, refuse_blank=False)
    assert _accepted(pixel, lenient).media["width"] == 1
    assert _accepted(blank, lenient).media["width"] == 64


def test_objects_over_the_byte_limit_are_refused_unopened() -> None:
    assert _reason(b"x" * 101, MediaRecipe(max_bytes=100)) == "too_large"
    assert _reason(b"x" * 100, MediaRecipe(max_bytes=100)) == "not_media"


def test_corrupt_exif_does_not_lose_the_picture() -> None:
    data = encoded(picture(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")
    assert _accepted(data).media["width"] == 96


def test_probe_tells_the_type_or_the_reason() -> None:
    assert probe(encoded(picture(), "WEBP"), RECIPE) == Probed("image", "image/webp", 96, 64, None)
    assert probe(b"", RECIPE) == Refused("empty")


@pytest.mark.parametrize("form", FORMATS)
def test_flipped_bytes_end_in_a_verdict(form: str) -> None:
    rng = np.random.default_rng(3)
    data = np.frombuffer(encoded(picture(), form), dtype=np.uint8)
    for _ in range(60):
        broken = data.copy()
        broken[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
        assert isinstance(examine(broken.tobytes(), RECIPE), Examined | Refused)
