"""Draws a post's clip: two to four scenes, in one of which the thing is large, bright and moves; as an MP4 file."""

from __future__ import annotations

import io
from collections.abc import Iterator

import av
import numpy as np

from pipelines.synthetic.copies import REENCODED, RESIZED
from pipelines.synthetic.pictures import Pixels, ground, lit, place, put
from pipelines.synthetic.world import Posts

FRAMES_A_SECOND = 8
CLIP_SIZE = (160, 120)
SMALL_SIZE = (112, 84)


def mp4(posts: Posts, row: int, media: str) -> bytes:
    """The post's clip in H.264; a RESIZED copy is smaller, a REENCODED one coarser."""
    size = SMALL_SIZE if media == RESIZED else CLIP_SIZE
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        # One thread and code that does not depend on the processor: the same bytes everywhere.
        stream = container.add_stream(
            "libx264",
            rate=FRAMES_A_SECOND,
            options={
                "preset": "veryfast",
                "crf": "36" if media == REENCODED else "28",
                "x264-params": "threads=1:cpu-independent=1:keyint=16",
            },
        )
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.thread_count = 1
        for pixels in frames(posts, row, size):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(_planar(pixels), format="yuv420p")))
        container.mux(stream.encode(None))
    return sink.getvalue()


def frames(posts: Posts, row: int, size: tuple[int, int]) -> Iterator[Pixels]:
    """The clip's frames, H x W x 3, at FRAMES_A_SECOND."""
    scenes, hot, light = int(posts.scenes[row]), int(posts.hot[row]), int(posts.light[row])
    shape, colour, total = int(posts.shape[row]), int(posts.colour[row]), int(posts.seconds[row]) * FRAMES_A_SECOND
    grounds = [ground(int(posts.texture[row]), scene, light, size) for scene in range(scenes)]
    (x, y), radius = place(posts, row, size)
    for frame in range(total):
        scene = frame * scenes // total
        pixels = grounds[scene].copy()
        if scene == hot:
            step = frame - -(-scene * total // scenes)
            put(pixels, shape, lit(colour, light), (x + (step - total // scenes // 2) * size[0] // 80, y), radius)
        else:
            put(pixels, shape, lit(colour, light, 60), (size[0] - x, y), radius // 2)
        yield pixels


def _planar(pixels: Pixels) -> Pixels:
    """RGB to limited-range BT.601 in whole numbers; libswscale's fast paths differ between processors."""
    red, green, blue = (pixels[:, :, channel].astype(np.int64) for channel in range(3))
    luma = ((66 * red + 129 * green + 25 * blue + 128) >> 8) + 16
    height, width = luma.shape
    half = [channel.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3)) >> 2 for channel in (red, green, blue)]
    cb = ((-38 * half[0] - 74 * half[1] + 112 * half[2] + 128) >> 8) + 128
    cr = ((112 * half[0] - 94 * half[1] - 18 * half[2] + 128) >> 8) + 128
    planes = np.concatenate([luma.reshape(-1), cb.reshape(-1), cr.reshape(-1)])
    return planes.astype(np.uint8).reshape(height * 3 // 2, width)
