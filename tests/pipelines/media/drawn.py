"""Media drawn for the tests: real files of every type that the lake keeps, and ways to break them."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from PIL import Image

SCENE_COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30))


def picture(width: int = 96, height: int = 64, *, seed: int = 7) -> Image.Image:
    """A gradient under blocks of random colour: not blank, and different in each corner."""
    blocks = np.random.default_rng(seed).integers(0, 160, (4, 6, 3), dtype=np.uint8)
    base = np.asarray(Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST), dtype=np.int64)
    ramp = np.linspace(0, 90, width, dtype=np.int64)[None, :, None]
    return Image.fromarray((base + ramp).clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """The picture as a file of a Pillow format."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def animated_gif() -> bytes:
    """Two frames of different pictures; the first is `picture(seed=1)`."""
    frames = [picture(seed=1), picture(seed=2)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)


def png_declaring(width: int, height: int, *, rows: int = 0) -> bytes:
    """A valid greyscale PNG header of any size, with `rows` rows of zeros compressed behind it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * ((width + 1) * rows), 9)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def video(
    *,
    form: str = "mp4",
    codec: str = "libx264",
    seconds: float = 8,
    rate: int = 10,
    size: tuple[int, int] = (128, 96),
    blank: bool = False,
) -> bytes:
    """A video whose picture has one colour of SCENE_COLOURS in each quarter of its time, under a moving white bar.

    A blank one is grey throughout.
    """
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.time_base = Fraction(1, rate)
        total = round(seconds * rate)
        for i in range(total):
            frame = av.VideoFrame.from_ndarray(_pixels(i / total, size, blank=blank), format="rgb24")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def _pixels(moment: float, size: tuple[int, int], *, blank: bool) -> np.ndarray:
    width, height = size
    pixels = np.full((height, width, 3), 128, dtype=np.uint8)
    if not blank:
        pixels[:] = SCENE_COLOURS[int(moment * 4 + 1e-9)]
        left = int(moment * (width - 8) + 1e-9)
        pixels[: height // 4, left : left + 8] = 255
    return pixels


def sound_only(form: str = "mp4", *, cover: bool = False) -> bytes:
    """A video container that holds half a second of silence, and no picture but perhaps a cover."""
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream("aac", rate=44_100)
        stream.layout = "mono"
        if cover:
            _add_cover(container)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44_100
        for i in range(22):
            frame.pts = i * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def _add_cover(container: Any) -> None:
    stream = container.add_stream("mjpeg", rate=1)
    stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
    stream.disposition = Disposition.attached_pic
    frame = av.VideoFrame.from_image(picture())
    frame.pts = 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
