"""Writes a synthetic world as raw dumps: the whole of `postlake synth`, whose command calls `synthesize`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pipelines.synthetic.calendar import spans
from pipelines.synthetic.dump import Dump
from pipelines.synthetic.people import num_authors
from pipelines.synthetic.summary import Summary
from pipelines.synthetic.truth import Truth
from pipelines.synthetic.world import Scale
from schemas.errors import ConfigError, InputError

MEDIA_BY_DEFAULT = 2_000
INFO_FILES = 300


def synthesize(
    out: Path,
    *,
    posts: int,
    seed: int = 0,
    media: int | None = None,
    comments_per_post: float = 6.67,
    broken: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Write raw dumps of `posts` distinct posts into the folder `out`, which must be absent or empty.

    The same arguments give the same bytes, on any machine.

    Args:
        media: For how many of the posts the pictures and clips are drawn (a copy goes with its original, so it is about
            that many); by default for all up to 2,000 posts, else for 2,000.
        broken: Plant corrupt lines, a truncated dump and broken media files too.
        progress: Called with the number of posts finished since the last call.

    Raises:
        ConfigError: A number is out of range.
        InputError: `out` holds something.
    """
    _check(posts, seed, media, comments_per_post)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("the output folder is not empty", where=str(out), expected="an absent or empty folder")
    drawn = min(posts, MEDIA_BY_DEFAULT if media is None else media)
    stride = max(2, -(-posts * 2 // (5 * INFO_FILES)))
    summary = _write(out, Scale(seed, posts, drawn, num_authors(posts), stride, comments_per_post), broken, progress)
    text = json.dumps(asdict(summary), indent=2, sort_keys=True)
    (out / "summary.json").write_text(text + "\n", encoding="utf-8")
    return summary


def _write(out: Path, scale: Scale, broken: bool, progress: Callable[[int], None] | None) -> Summary:
    for folder in ("reddit", "youtube", "media"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    summary = Summary(scale.seed)
    with Truth(out) as truth, Dump(out, scale, truth, summary, broken=broken) as dump:
        for span in spans(scale.posts):
            dump.write(span, progress or _ignore)
        if broken:
            dump.write_truncated()
    summary.planted = dict(sorted(truth.counts.items()))
    return summary


def _ignore(_posts: int) -> None:
    pass


def _check(posts: int, seed: int, media: int | None, comments_per_post: float) -> None:
    for name, value, least in (("posts", posts, 1), ("seed", seed, 0), ("media", media or 0, 0)):
        if value < least:
            raise ConfigError("out of range", where="synth", field=name, expected=f"at least {least}", got=str(value))
    if not 0 <= comments_per_post <= 1_000:
        got = str(comments_per_post)
        raise ConfigError("out of range", where="synth", field="comments_per_post", expected="0 to 1000", got=got)
