"""The pictures and clips: they decode, copies are related as planted, and nothing else looks alike."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.pipelines.synthetic.conftest import World


def _media(world: World) -> dict[str, list[Path]]:
    return {row["post_id"]: [world.out / "media" / name for name in row["media"]] for row in world.shown()}


def _frames(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _look(path: Path) -> NDArray[np.float64]:
    """A coarse grey view, centred: near copies agree in it."""
    picture = Image.fromarray(_frames(path)[0]) if path.suffix == ".mp4" else Image.open(path)
    grey = np.asarray(picture.convert("L").resize((16, 12)), np.float64)
    centred: NDArray[np.float64] = (grey - grey.mean()) / grey.std()
    return centred


def test_every_drawn_file_is_there_and_decodes(world: World) -> None:
    expected = {name for row in world.shown() if row["drawn"] for name in row["media"]}
    paths = sorted((world.out / "media").iterdir())
    assert {path.name for path in paths} == expected
    assert len(paths) == world.summary.media_files
    for path in paths:
        if f"media/{path.name}" in world.summary.broken_media:
            continue
        if path.suffix == ".jpg":
            with Image.open(path) as picture:
                picture.load()
                assert picture.format == "JPEG"
        else:
            assert 4 * 8 <= len(_frames(path)) <= 7 * 8
        assert 1_000 < path.stat().st_size < 25_000


def test_links_lead_to_the_files(world: World) -> None:
    names = {path.name for path in (world.out / "media").iterdir()}
    images = [post["url"] for _, post in world.reddit("RS") if post["url"].endswith(".jpg")]
    videos = [post["url"] for _, post in world.reddit("RS") if "//v.redd.it/" in post["url"]]
    assert images
    assert videos
    assert all(url.rsplit("/", 1)[1] in names for url in images)
    assert all(url.rsplit("/", 1)[1] + ".mp4" in names for url in videos)
    ids = [item["id"] for _, response in world.responses("videos") for item in response["items"]]
    assert all(f"{native}.mp4" in names for native in ids)


def test_exact_copies_share_their_bytes_and_others_do_not(world: World) -> None:
    media = _media(world)
    for kind in ("copy_image_same_bytes", "copy_mirror_same_bytes"):
        for fact in world.facts(kind):
            (copy,), (original,) = media[fact["post_id"]], media[fact["of"]]
            assert copy.name != original.name
            assert copy.read_bytes() == original.read_bytes()
    planted = sum(world.summary.planted[kind] for kind in ("copy_image_same_bytes", "copy_mirror_same_bytes"))
    digests = [
        hashlib.sha256(path.read_bytes()).digest()
        for path in (world.out / "media").iterdir()
        if f"media/{path.name}" not in world.summary.broken_media
    ]
    assert len(digests) - len(set(digests)) == planted


def test_changed_copies_look_like_their_original_and_strangers_do_not(world: World) -> None:
    media = _media(world)
    kinds = ("image_reencoded", "image_resized", "image_cropped", "mirror_reencoded", "reupload_resized")
    for kind in kinds:
        for fact in world.facts(f"copy_{kind}"):
            (copy,), (original,) = media[fact["post_id"]], media[fact["of"]]
            assert copy.read_bytes() != original.read_bytes()
            assert (_look(copy) * _look(original)).mean() > 0.8, kind
    alone = [row for row in world.shown() if row["form"] == "image" and row["cluster"] == row["post_id"]]
    sound = [
        path
        for row in alone
        for path in media[row["post_id"]]
        if f"media/{path.name}" not in world.summary.broken_media
    ]
    alike = [(_look(a) * _look(b)).mean() for a, b in pairwise(sound)]
    assert max(alike) < 0.8


def test_broken_media_cannot_be_decoded(world: World) -> None:
    facts = world.facts("broken_media")
    assert {json.loads(fact["parameters"])["how"] for fact in facts} == {"truncated", "empty", "not_media"}
    for fact in facts:
        try:
            with Image.open(world.out / fact["file"]) as picture:
                picture.load()
        except OSError:
            continue
        raise AssertionError(f"{fact['file']} decodes")
