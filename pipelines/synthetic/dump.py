"""Writes stretch after stretch of a world into the dump files of both platforms; called by synthesize.py."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from pipelines.synthetic.calendar import ARCTIC, OLD, Month, Span
from pipelines.synthetic.copies import plant_copies
from pipelines.synthetic.draws import Ints
from pipelines.synthetic.files import PAGE_ITEMS, ApiPages, ZstLines
from pipelines.synthetic.info_json import info_json
from pipelines.synthetic.labels import comment_ids, label
from pipelines.synthetic.media_files import MediaFiles
from pipelines.synthetic.people import invent_people
from pipelines.synthetic.phrases import pools
from pipelines.synthetic.plants import corrupt, write_truncated
from pipelines.synthetic.reddit import Stretch, comments, likes_later, reddit_rows, submissions
from pipelines.synthetic.summary import Summary, tally
from pipelines.synthetic.talk import Talk, draw_talk, thread_roots
from pipelines.synthetic.truth import Truth
from pipelines.synthetic.world import DELETED, FINE, YOUTUBE, Posts, Scale, behave, draw_posts
from pipelines.synthetic.youtube import (
    comment_pages,
    in_info_json,
    likes_before,
    native_comment_ids,
    seen_twice,
    videos,
)
from pipelines.synthetic.youtube_shapes import page

_TRUNCATED_COMMENTS = 600
_BLOCK = 8_192


class Dump:
    """The open dump files, and where the world stands."""

    def __init__(self, out: Path, scale: Scale, truth: Truth, summary: Summary, *, broken: bool) -> None:
        self._out, self._scale, self._truth, self._summary, self._broken = out, scale, truth, summary, broken
        self._people, self._pools = invent_people(scale.seed, scale.authors), pools()
        self._files = ExitStack()
        self._month: tuple[Month, ZstLines, ZstLines] | None = None
        self._videos = ApiPages(out / "youtube", "videos", summary.files)
        self._threads = ApiPages(out / "youtube", "commentThreads", summary.files)
        self._items: list[str] = []
        self._media = MediaFiles(out / "media", summary, truth, broken=broken)
        self._comments_so_far = 0
        self._last: Stretch | None = None

    def __enter__(self) -> Dump:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._put_videos(self._items)
        self._videos.close()
        self._threads.close()
        self._files.close()

    def write(self, span: Span, progress: Callable[[int], None]) -> None:
        """One stretch: its posts and comments into the dumps, its truth, its media files."""
        posts = draw_posts(self._scale, span)
        plant_copies(self._scale, posts)
        posts = behave(self._scale, posts)
        stretch = self._stretch(posts, draw_talk(self._scale, posts, self._pools))
        self._write_reddit(stretch)
        self._write_youtube(stretch)
        self._truth.add_posts(posts, stretch.labels, stretch.talk.counts)
        every = np.arange(len(stretch.talk.post))
        self._truth.add_comments(posts, stretch.labels, stretch.talk, stretch.comment_ids, every)
        self._media.write(posts, stretch.labels, progress)
        self._truth.flush()
        self._summary.posts += span.posts
        self._summary.comments += len(every)
        self._last = stretch

    def _stretch(self, posts: Posts, talk: Talk) -> Stretch:
        labels = label(self._scale, posts, self._pools)
        numbers = np.arange(len(talk.post)) + self._comments_so_far
        self._comments_so_far += len(numbers)
        reddit = comment_ids(self._scale, posts.span.month.era, numbers)
        youtube = native_comment_ids(self._scale, numbers, thread_roots(talk.parent))
        on_youtube = (posts.form[talk.post] == YOUTUBE).tolist()
        ids = [theirs if there else ours for ours, theirs, there in zip(reddit, youtube, on_youtube, strict=True)]
        return Stretch(posts, labels, talk, ids, self._people)

    def _open_month(self, month: Month) -> tuple[ZstLines, ZstLines]:
        if self._month is None or self._month[0] != month:
            self._files.close()
            long_window = month.era == ARCTIC
            rs, rc = (
                self._files.enter_context(ZstLines(self._out / _dump(kind, month), long_window=long_window))
                for kind in ("RS", "RC")
            )
            self._month = (month, rs, rc)
            for kind in ("RS", "RC"):
                self._summary.files[_dump(kind, month)] = tally()
        return self._month[1], self._month[2]

    def _write_reddit(self, stretch: Stretch) -> None:
        posts, talk, month = stretch.posts, stretch.talk, stretch.posts.span.month
        rs, rc = self._open_month(month)
        rows = reddit_rows(posts)
        under = np.flatnonzero(posts.form[talk.post] != YOUTUBE)
        again = rows[(posts.number[rows] % 25 == 12) & (posts.state[rows] == FINE)]
        lines, later = submissions(stretch, rows), submissions(stretch, again, again=True)
        # The later observation comes first in every other stretch: order in a file says nothing about time.
        lines = later + lines if posts.span.chunk % 2 else lines + later
        for row in again.tolist():
            post_id, likes = stretch.labels.post_id(posts, row), int(posts.likes[row])
            newer = int(likes_later(posts.likes[row : row + 1])[0])
            self._truth.add("seen_twice", post=post_id, old_likes=likes, new_likes=newer)
        for row in np.flatnonzero(posts.state != FINE).tolist():
            kind = "post_deleted" if posts.state[row] == DELETED else "post_removed"
            self._truth.add(kind, post=stretch.labels.post_id(posts, row))
        self._put_lines(_dump("RS", month), rs, lines, posts.span, turn=0)
        self._count(_dump("RS", month), "posts", len(rows) + len(again))
        for start in range(0, len(under), _BLOCK):
            part = comments(stretch, under[start : start + _BLOCK])
            self._put_lines(_dump("RC", month), rc, part, posts.span, turn=start + 1)
        self._count(_dump("RC", month), "comments", len(under))

    def _put_lines(self, file: str, sink: ZstLines, lines: list[str], span: Span, *, turn: int) -> None:
        if self._broken and lines:
            lines = corrupt(lines, file, sink, span.chunk + turn, self._truth)
            self._count(file, "corrupt", 1)
        sink.write(lines, in_two_frames=span.month.era == OLD)

    def _write_youtube(self, stretch: Stretch) -> None:
        posts = stretch.posts
        in_files, twice = in_info_json(self._scale, posts), seen_twice(self._scale, posts)
        rows = np.flatnonzero(posts.form == YOUTUBE)
        only_api = np.setdiff1d(rows, in_files)
        self._items += videos(self._scale, stretch, np.union1d(only_api, twice))
        whole = len(self._items) - len(self._items) % PAGE_ITEMS
        self._put_videos(self._items[:whole])
        self._items = self._items[whole:]
        self._threads.write("comments", comment_pages(stretch, only_api))
        for row in in_files.tolist():
            self._write_info(stretch, row)
        for row in twice.tolist():
            likes = int(posts.likes[row])
            older = int(likes_before(posts.likes[row : row + 1])[0])
            self._truth.add("seen_twice", post=stretch.labels.post_id(posts, row), old_likes=older, new_likes=likes)

    def _write_info(self, stretch: Stretch, row: int) -> None:
        file = f"youtube/{stretch.labels.ids[row]}.info.json"
        (self._out / file).write_bytes(info_json(stretch, row))
        self._summary.files[file] = tally()
        self._count(file, "posts", 1)
        self._count(file, "comments", int(stretch.talk.counts[row]))

    def _put_videos(self, items: list[str]) -> None:
        parts = [items[start : start + PAGE_ITEMS] for start in range(0, len(items), PAGE_ITEMS)]
        self._videos.write("posts", [(len(part), page("video", part)) for part in parts])

    def _count(self, file: str, what: str, number: int) -> None:
        self._summary.files[file][what] += number

    def write_truncated(self) -> None:
        """One more month of comments, under posts of the last stretch, in a file that was cut short."""
        if self._last is None or not len(reddit_rows(self._last.posts)):
            return
        posts = self._last.posts
        span = _another_draw(posts.span)
        under_each = _TRUNCATED_COMMENTS / len(posts.number)
        talk = draw_talk(self._scale._replace(comments_per_post=under_each), replace(posts, span=span), self._pools)
        stretch = self._stretch(posts, talk)
        rows: Ints = np.flatnonzero(posts.form[talk.post] != YOUTUBE)
        file = "reddit/RC_2024-03.zst"
        readable = write_truncated(self._out / file, comments(stretch, rows))
        self._truth.add_comments(posts, stretch.labels, talk, stretch.comment_ids, rows[:readable])
        self._truth.add("truncated_file", file=file, written=len(rows), readable=readable)
        self._summary.files[file] = tally()
        self._count(file, "comments", readable)
        self._summary.bad_files.append(file)
        self._summary.comments += readable


def _another_draw(span: Span) -> Span:
    """A stretch number that no other has, so that other comments are drawn for the same posts."""
    return span._replace(chunk=span.chunk + (1 << 30))


def _dump(kind: str, month: Month) -> str:
    return f"reddit/{kind}_{month.name}.zst"
