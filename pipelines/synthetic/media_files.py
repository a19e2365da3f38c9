"""Writes the media files of a stretch: a JPEG or MP4 for every drawn post that has a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipelines.synthetic.clips import mp4
from pipelines.synthetic.copies import COPIES
from pipelines.synthetic.labels import Labels
from pipelines.synthetic.pictures import jpeg
from pipelines.synthetic.plants import broken_bytes, broken_rows
from pipelines.synthetic.summary import Summary
from pipelines.synthetic.truth import Truth
from pipelines.synthetic.world import VIDEO, YOUTUBE, Posts

_REPORT_EVERY = 32


class MediaFiles:
    """The folder of media files, with what is counted and planted on the way."""

    def __init__(self, folder: Path, summary: Summary, truth: Truth, *, broken: bool) -> None:
        self._folder, self._summary, self._truth, self._broken = folder, summary, truth, broken

    def write(self, posts: Posts, labels: Labels, progress: Callable[[int], None]) -> None:
        """Draw the files of a stretch; `progress` hears of all its posts, some at a time."""
        damage = broken_rows(posts) if self._broken else {}
        reported = 0
        for row in np.flatnonzero(posts.drawn).tolist():
            for place, name in enumerate(labels.media[row]):
                data = self._draw(posts, row, second=place == 1)
                if row in damage:
                    data = broken_bytes(data, damage[row])
                    self._summary.broken_media.append(f"media/{name}")
                    post_id = labels.post_id(posts, row)
                    self._truth.add("broken_media", post=post_id, file=f"media/{name}", how=damage[row])
                (self._folder / name).write_bytes(data)
                self._summary.media_files += 1
            if row - reported >= _REPORT_EVERY:
                progress(row - reported)
                reported = row
        progress(len(posts.number) - reported)

    def _draw(self, posts: Posts, row: int, *, second: bool) -> bytes:
        copy = int(posts.copy[row])
        change = COPIES[copy].media if copy >= 0 else ""
        if posts.form[row] in (VIDEO, YOUTUBE):
            return mp4(posts, row, change)
        return jpeg(posts, row, change, second=second)
