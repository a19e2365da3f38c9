"""Videos through PyAV, from the bytes at hand only. Called by `probe` and `keyframes`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
from av.stream import Disposition
from PIL import Image

from pipelines.media.images import check_size
from pipelines.media.outcome import RefusalError
from pipelines.media.recipe import MediaRecipe
from pipelines.media.sniff import VIDEOS

# The demuxer is named and no protocol is allowed: a file cannot make FFmpeg open another file or a url.
_NO_PROTOCOLS = {"protocol_whitelist": "none", "enable_drefs": "0"}
_QUARTER_TURNS = (90, 270)
_SANE_PIXEL_SHAPE = (0.25, 4.0)
_HALF_MICROSECOND = 5e-7


@dataclass(frozen=True)
class Video:
    """An open video and what its container says of its picture stream."""

    container: Any
    stream: Any
    duration_seconds: float
    origin: int
    """Time stamp of the first picture, in the stream's time base."""
    recipe: MediaRecipe

    def time_of(self, frame: Any) -> float:
        """Seconds from the video's first picture to this one."""
        return float((frame.pts - self.origin) * self.stream.time_base)

    def frame_at(self, seconds: float) -> Any:
        """The picture shown at a moment, or the nearest one that can be decoded. Raises RefusalError."""
        stamp = self.origin + int(seconds / self.stream.time_base)
        found = self._search(stamp, seconds)
        if found is None and stamp > self.origin:
            # The container may promise more time than there are pictures: then the last ones stand for it.
            found = self._search(self.origin, seconds)
        if found is None:
            raise RefusalError("no_frames", f"no picture can be decoded at {seconds:.3f} s")
        check_size(found.width, found.height, self.recipe)
        return found

    def _search(self, stamp: int, seconds: float) -> Any:
        """From the seek point before `stamp`: the last picture that begins at or before `seconds`, else the first."""
        try:
            self.container.seek(stamp, stream=self.stream, backward=True)
        except av.FFmpegError as error:
            raise RefusalError("damaged", f"cannot seek to {seconds:.3f} s: {error}") from error
        best = None
        for frame in self._frames():
            if best is not None and self.time_of(frame) > seconds + _HALF_MICROSECOND:
                break
            best = frame
        return best

    def _frames(self) -> Iterator[Any]:
        """Pictures in order of showing; what cannot be decoded is passed over, and the work is bounded."""
        num_packets = 0
        try:
            for packet in self.container.demux(self.stream):
                num_packets += 1
                if num_packets > self.recipe.max_frames_per_scene:
                    raise RefusalError("damaged", f"no seek point within {num_packets - 1} frames")
                yield from (frame for frame in _decode(packet) if frame.pts is not None)
        except av.FFmpegError as error:
            raise RefusalError("damaged", str(error)) from error


def _decode(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except av.FFmpegError:
        # One broken packet costs one picture; a file of nothing else ends as no_frames.
        return []


@contextmanager
def open_video(data: BinaryIO, mime: str, recipe: MediaRecipe) -> Iterator[Video]:
    """The video, its limits checked before a picture is decoded; `mime` is one of VIDEOS. Raises RefusalError."""
    try:
        container = av.open(data, "r", format=VIDEOS[mime], options=_NO_PROTOCOLS, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise RefusalError("damaged", str(error)) from error
    with container:
        stream = _picture_stream(container)
        check_size(stream.codec_context.width, stream.codec_context.height, recipe)
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(recipe.max_pixels)}
        duration = _duration(container, stream)
        if duration > recipe.max_duration_seconds:
            raise RefusalError("too_long", f"{duration:.1f} s")
        yield Video(container, stream, duration, stream.start_time or 0, recipe)


def _picture_stream(container: Any) -> Any:
    """The first stream of moving pictures; a cover picture is none."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise RefusalError("wrong_type", "no decoder for its pictures")
            return stream
    raise RefusalError("no_frames", "no picture stream")


def _duration(container: Any, stream: Any) -> float:
    """Seconds of the picture stream; from its packets where the header says nothing (a live recording)."""
    if stream.duration is not None and stream.duration > 0:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and container.duration > 0:
        return float(container.duration / av.time_base)
    end = stream.start_time or 0
    try:
        for packet in container.demux(stream):
            if packet.pts is not None:
                end = max(end, packet.pts + (packet.duration or 0))
        container.seek(0)
    except av.FFmpegError as error:
        raise RefusalError("damaged", str(error)) from error
    return float((end - (stream.start_time or 0)) * stream.time_base)


def size_as_shown(frame: Any, stream: Any) -> tuple[int, int]:
    """Width and height (px) after the pixel shape and the rotation that the file asks for."""
    width, height = round(frame.width * _pixel_shape(stream)), frame.height
    return (height, width) if frame.rotation % 360 in _QUARTER_TURNS else (width, height)


def to_image(frame: Any, stream: Any) -> Image.Image:
    """The picture in RGB as shown."""
    image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    image = image.resize((max(1, round(image.width * _pixel_shape(stream))), image.height))
    turns = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}
    turn = turns.get(frame.rotation % 360)
    return image if turn is None else image.transpose(turn)


def _pixel_shape(stream: Any) -> float:
    """Width of a pixel over its height; a value out of all reason is read as square."""
    ratio = float(stream.codec_context.sample_aspect_ratio or 1)
    return ratio if _SANE_PIXEL_SHAPE[0] <= ratio <= _SANE_PIXEL_SHAPE[1] else 1.0
