"""Videos: scenes, what is shown, and what hostile files end as."""

from __future__ import annotations

import io
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.media.examine import examine
from pipelines.media.keyframes import scenes
from pipelines.media.outcome import Examined, Refused
from pipelines.media.recipe import MediaRecipe
from tests.pipelines.media.drawn import SCENE_COLOURS, sound_only, video

RECIPE = MediaRecipe()
CONTAINERS = [
    ("mp4", "libx264", "video/mp4"),
    ("mov", "libx264", "video/quicktime"),
    ("webm", "libvpx", "video/webm"),
    ("webm", "libvpx-vp9", "video/webm"),
    ("matroska", "libx264", "video/x-matroska"),
    ("avi", "mpeg4", "video/x-msvideo"),
    ("flv", "flv", "video/x-flv"),
]


def _accepted(data: bytes | Path, recipe: MediaRecipe = RECIPE) -> Examined:
    result = examine(data, recipe)
    assert isinstance(result, Examined), result
    return result


def _reason(data: bytes, recipe: MediaRecipe = RECIPE) -> str:
    result = examine(data, recipe)
    assert isinstance(result, Refused), result
    return result.reason


def _jpeg(row: dict[str, object]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(row["jpeg"]))).astype(int)


@pytest.mark.parametrize(("form", "codec", "mime"), CONTAINERS)
def test_each_container_gives_the_middle_picture_of_each_scene(form: str, codec: str, mime: str) -> None:
    result = _accepted(video(form=form, codec=codec))
    media = result.media
    assert (media["kind"], media["mime"], media["width"], media["height"]) == ("video", mime, 128, 96)
    assert media["duration_seconds"] == pytest.approx(8, abs=0.11)
    assert [row["start"] for row in result.keyframes] == pytest.approx([0, 2, 4, 6], abs=0.11)
    assert result.keyframes[-1]["end"] == media["duration_seconds"]
    for row, colour in zip(result.keyframes, SCENE_COLOURS, strict=True):
        assert np.abs(_jpeg(row)[80, 64] - colour).max() < 15


def test_keyframe_is_the_picture_shown_at_the_middle_not_at_the_seek_point() -> None:
    # The bar's left edge is at 120 px * (frame / 80); 1 s, 3 s, 5 s and 7 s are frames 10, 30, 50 and 70.
    for row, frame in zip(_accepted(video()).keyframes, (10, 30, 50, 70), strict=True):
        bright = np.flatnonzero(_jpeg(row)[10].min(axis=1) > 200)
        assert abs(int(bright[0]) - frame * 120 // 80) <= 1


def test_file_and_bytes_give_the_same_rows(tmp_path: Path) -> None:
    data = video()
    (tmp_path / "a.bin").write_bytes(data)
    assert _accepted(tmp_path / "a.bin") == _accepted(data)


@pytest.mark.parametrize(("seconds", "count"), [(0.3, 1), (1.9, 1), (2.0, 2), (3.99, 3), (4.0, 4), (900.0, 4)])
def test_scenes_are_equal_and_not_shorter_than_the_minimum(seconds: float, count: int) -> None:
    parts = scenes(seconds, RECIPE)
    assert len(parts) == count
    assert parts[0][0] == 0.0
    assert parts[-1][1] == seconds
    assert all(end == start for (_, end), (start, _) in pairwise(parts))
    assert [end - start for start, end in parts] == pytest.approx([seconds / count] * count)


def test_number_of_scenes_and_side_are_configuration() -> None:
    result = _accepted(video(), MediaRecipe(scenes=2, keyframe_side=64))
    assert len(result.keyframes) == 2
    assert _jpeg(result.keyframes[0]).shape == (48, 64, 3)


def test_rotation_of_a_phone_video_is_applied() -> None:
    data = bytearray(video())
    # The track header's matrix (16.16 fixed point): from none to a quarter turn clockwise, as phones write it.
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 96 << 16, 0, 1 << 30)
    at = data.index(identity, data.index(b"tkhd"))
    data[at : at + 36] = turned
    result = _accepted(bytes(data))
    assert (result.media["width"], result.media["height"]) == (96, 128)
    picture = _jpeg(result.keyframes[0])
    assert picture.shape == (128, 96, 3)
    # The white bar stood at the top, 15 px from the left: now at the right, 15 px from the top.
    assert picture[19, 84].min() > 200
    assert picture[108, 12].min() < 60


@pytest.mark.parametrize(("form", "codec", "mime"), [c for c in CONTAINERS if c[0] != "flv"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_truncated_video_is_refused(form: str, codec: str, mime: str, share: float) -> None:
    assert mime
    data = video(form=form, codec=codec, seconds=2)
    assert _reason(data[: int(len(data) * share)]) == "truncated"


@pytest.mark.parametrize("form", ["mp4", "mov", "matroska"])
def test_video_file_without_pictures_is_refused(form: str) -> None:
    assert _reason(sound_only(form)) == "no_frames"


def test_a_cover_picture_is_no_video() -> None:
    assert _reason(sound_only(cover=True)) == "no_frames"


def test_video_whose_pictures_cannot_be_decoded_is_refused() -> None:
    data = bytearray(video(seconds=2))
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    assert _reason(bytes(data)) in ("no_frames", "damaged")


def test_limits_on_time_and_size() -> None:
    data = video()
    assert _reason(data, MediaRecipe(max_duration_seconds=7)) == "too_long"
    assert _reason(data, MediaRecipe(max_pixels=128 * 96 - 1)) == "too_many_pixels"
    assert _reason(data, MediaRecipe(min_side=97)) == "too_small"


def test_video_without_seek_points_is_bounded() -> None:
    assert _reason(video(), MediaRecipe(max_frames_per_scene=5)) == "damaged"


def test_video_of_one_colour_is_refused_and_may_be_allowed() -> None:
    assert _reason(video(blank=True)) == "blank"
    assert len(_accepted(video(blank=True), MediaRecipe(refuse_blank=False)).keyframes) == 4


def test_playlist_cannot_make_the_decoder_open_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(video(seconds=1))
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    concat = f"ffconcat version 1.0\nfile '{secret}'\n"
    for text in (hls, concat):
        assert _reason(text.encode()) == "not_media"
        # The same text behind a container's signature reaches that container's demuxer alone.
        assert _reason(b"\0\0\0\x08wide" + text.encode()) in ("truncated", "damaged", "no_frames")


def test_live_recording_without_a_declared_length_is_measured() -> None:
    data = bytearray(video(form="webm", codec="libvpx"))
    # Void the Duration element (id 0x4489, 8-byte float) of the Info element.
    at = data.index(b"\x44\x89\x88")
    data[at : at + 11] = b"\xec\x89" + bytes(9)
    assert _accepted(bytes(data)).media["duration_seconds"] == pytest.approx(8, abs=0.11)


@pytest.mark.parametrize(("form", "codec"), [("mp4", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4"), ("flv", "flv")])
def test_flipped_bytes_end_in_a_verdict(form: str, codec: str) -> None:
    rng = np.random.default_rng(5)
    data = np.frombuffer(video(form=form, codec=codec, seconds=2, rate=5, size=(64, 48)), dtype=np.uint8)
    for _ in range(40):
        broken = data.copy()
        broken[rng.integers(0, len(data), 6)] = rng.integers(0, 256, 6)
        assert isinstance(examine(broken.tobytes(), RECIPE), Examined | Refused)
