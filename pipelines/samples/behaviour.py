"""How people responded, as numbers in words: likes per platform, replay per scene; used by `render` and `build`.

All rounding is of exact fractions, half up, so that no machine rounds otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

import polars as pl

# A scene that ends on the border of a part does not touch the next; times are no exact fractions.
_SLACK = 1e-9
Kind = Literal["percent", "score", "likes", "ratio", "replay"]


@dataclass(frozen=True)
class Signal:
    """A number that a sample states: which wording, how it is written, and its value."""

    kind: Kind
    written: str
    value: float


def has_likes() -> pl.Expr:
    """Whether a post states likes: with views, a share of them; more likes than views are an error of the platform."""
    share = (pl.col("views") > 0) & (pl.col("likes") >= 0) & (pl.col("likes") <= pl.col("views"))
    alone = pl.col("views").is_null() & pl.col("likes").is_not_null()
    return (share.fill_null(False) | alone).alias("has_likes")


def signals(platform: str, likes: int | None, views: int | None, upvote_ratio: float | None) -> list[Signal]:
    """What is stated of a post's likes.

    With views, the percentage of viewers with one decimal. Without, the platform's own signal: on Reddit the score and,
    where it is given, the percentage of upvotes; elsewhere the number of likes.
    """
    if likes is None:
        return []
    if views is not None:
        if not 0 <= likes <= views or views == 0:
            return []
        tenths = (2000 * likes + views) // (2 * views)
        return [_signal("percent", f"{tenths // 10}.{tenths % 10}")]
    if platform != "reddit":
        return [_signal("likes", str(likes))]
    stated = [_signal("score", str(likes))]
    if upvote_ratio is not None and 0 <= upvote_ratio <= 1:
        stated.append(_signal("ratio", _rounded(100 * upvote_ratio, "1")))
    return stated


def scene_replays(
    replay: Sequence[float] | None, scenes: Sequence[tuple[float, float]], duration: float | None
) -> list[Signal]:
    """The largest replay value (0..1, two decimals) under each scene [start, end) in seconds; empty where unknown.

    The curve's values stand for equal parts of the duration; a scene touches at least the part in which it begins.
    """
    if not replay or not scenes:
        return []
    length = duration or max(end for _, end in scenes)
    if length <= 0:
        return []
    return [_peak(replay, start / length, end / length) for start, end in scenes]


def _peak(replay: Sequence[float], start: float, end: float) -> Signal:
    parts = len(replay)
    first = min(math.floor(start * parts + _SLACK), parts - 1)
    last = min(math.ceil(end * parts - _SLACK) - 1, parts - 1)
    return _signal("replay", _rounded(max(replay[first : max(first, last) + 1]), "0.01"))


def _rounded(value: float, step: str) -> str:
    # repr of a float32 that came as a float64 has digits of noise: six are the curve's own.
    return str(Decimal(f"{value:.6f}").quantize(Decimal(step), rounding=ROUND_HALF_UP))


def _signal(kind: Kind, written: str) -> Signal:
    return Signal(kind, written, float(written))
