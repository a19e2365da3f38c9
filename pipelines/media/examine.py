"""From the bytes of an object to its rows: what the media job runs on every fetched or matched file."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

from pipelines.media.images import is_blank, load_image
from pipelines.media.keyframes import frame_picture, keyframe_row, scene_frames
from pipelines.media.objects import Source, content_id, open_source, size_of
from pipelines.media.outcome import Examined, Probed, RefusalError, Refused
from pipelines.media.recipe import MediaRecipe
from pipelines.media.sniff import IMAGES, VIDEOS, check_whole, sniff
from pipelines.media.videos import open_video, size_as_shown

_Pictures = list[tuple[float, float, Image.Image]]


def examine(source: Source, recipe: MediaRecipe) -> Examined | Refused:
    """The rows of `media` and `keyframes` for an object, or why it is not taken; never raises on its content.

    `fingerprint` is null. Raises OSError where a local file cannot be read.
    """
    try:
        probed, pictures = _look(source, recipe)
    except RefusalError as refusal:
        return refusal.refused
    media_id = content_id(source)
    media = {
        "media_id": media_id,
        "kind": probed.kind,
        "mime": probed.mime,
        "width": probed.width,
        "height": probed.height,
        "duration_seconds": probed.duration_seconds,
        "num_bytes": size_of(source),
        "fingerprint": None,
    }
    rows = [keyframe_row(media_id, i, *picture) for i, picture in enumerate(pictures)]
    return Examined(media, tuple(rows))


def probe(source: Source, recipe: MediaRecipe) -> Probed | Refused:
    """What an object is, by decoding it as far as `examine` does; never raises on its content."""
    try:
        return _look(source, recipe)[0]
    except RefusalError as refusal:
        return refusal.refused


def _look(source: Source, recipe: MediaRecipe) -> tuple[Probed, _Pictures]:
    num_bytes = size_of(source)
    if num_bytes == 0:
        raise RefusalError("empty")
    if num_bytes > recipe.max_bytes:
        raise RefusalError("too_large", f"{num_bytes} bytes")
    with open_source(source) as stream:
        mime = sniff(stream.read(64))
        if mime is None:
            raise RefusalError("not_media", "no known media type")
        check_whole(stream, mime, num_bytes)
        if mime in IMAGES:
            probed, pictures = _look_at_image(stream, mime, recipe)
        elif mime in VIDEOS:
            probed, pictures = _look_at_video(stream, mime, recipe)
        else:
            raise RefusalError("wrong_type", mime)
    if recipe.refuse_blank and all(is_blank(picture) for _, _, picture in pictures):
        raise RefusalError("blank")
    return probed, pictures


def _look_at_image(stream: BinaryIO, mime: str, recipe: MediaRecipe) -> tuple[Probed, _Pictures]:
    picture, width, height = load_image(stream, mime, recipe)
    return Probed("image", mime, width, height, None), [(0.0, 0.0, picture)]


def _look_at_video(stream: BinaryIO, mime: str, recipe: MediaRecipe) -> tuple[Probed, _Pictures]:
    with open_video(stream, mime, recipe) as video:
        frames = scene_frames(video)
        width, height = size_as_shown(frames[0][2], video.stream)
        pictures: _Pictures = [(start, end, frame_picture(frame, video)) for start, end, frame in frames]
        return Probed("video", mime, width, height, video.duration_seconds), pictures
