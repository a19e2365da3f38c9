"""Likes and replay in numbers, rounded half up."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from pipelines.samples.behaviour import has_likes, scene_replays, signals

CASES: list[tuple[str, int | None, int | None, float | None, list[tuple[str, str, float]]]] = [
    ("youtube", 20, 1000, None, [("percent", "2.0", 2.0)]),
    ("youtube", 5, 10_000, None, [("percent", "0.1", 0.1)]),
    ("youtube", 49, 100_000, None, [("percent", "0.0", 0.0)]),
    ("youtube", 1000, 1000, None, [("percent", "100.0", 100.0)]),
    ("youtube", 2**62, 2**63 - 1, None, [("percent", "50.0", 50.0)]),
    ("youtube", 1001, 1000, None, []),
    ("youtube", 0, 0, None, []),
    ("youtube", None, 1000, None, []),
    ("youtube", 7, None, None, [("likes", "7", 7.0)]),
    ("reddit", 1234, None, None, [("score", "1234", 1234.0)]),
    ("reddit", -4, None, 0.945, [("score", "-4", -4.0), ("ratio", "95", 95.0)]),
    ("reddit", 1, None, 7.5, [("score", "1", 1.0)]),
    ("reddit", None, None, 0.9, []),
]


@pytest.mark.parametrize(("platform", "likes", "views", "ratio", "stated"), CASES)
def test_likes(platform: str, likes: int | None, views: int | None, ratio: float | None, stated: Any) -> None:
    assert [(s.kind, s.written, s.value) for s in signals(platform, likes, views, ratio)] == stated
    frame = pl.DataFrame({"likes": [likes], "views": [views]}, schema={"likes": pl.Int64, "views": pl.Int64})
    assert frame.select(has_likes()).item() is bool(stated)


def written(replay: list[float] | None, scenes: list[tuple[float, float]], duration: float | None) -> list[str]:
    return [signal.written for signal in scene_replays(replay, scenes, duration)]


def test_a_scene_gets_the_largest_value_of_its_parts() -> None:
    curve = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert written(curve, [(0, 3), (3, 10)], 10.0) == ["0.20", "0.90"]
    assert written(curve, [(0.0, 0.3), (0.3, 1.0)], 1.0) == ["0.20", "0.90"]
    assert written(curve, [(2.5, 3.5)], 10.0) == ["0.30"]
    assert written(curve[::-1], [(0.01, 0.02), (9.99, 10)], 10.0) == ["0.90", "0.00"]
    assert written(curve, [(0, 5), (5, 10)], None) == ["0.40", "0.90"]
    assert written(curve, [(12, 14)], 10.0) == ["0.90"]


def test_replay_is_rounded_half_up() -> None:
    assert written([0.125], [(0, 1)], 1.0) == ["0.13"]
    assert written([0.014999999664723873], [(0, 1)], 1.0) == ["0.02"]


@pytest.mark.parametrize(
    ("replay", "scenes", "duration"), [(None, [(0, 1)], 1.0), ([], [(0, 1)], 1.0), ([0.5], [], 1.0)]
)
def test_unknown_replay(replay: list[float] | None, scenes: list[tuple[float, float]], duration: float) -> None:
    assert written(replay, scenes, duration) == []


def test_a_picture_without_length_has_no_replay() -> None:
    assert written([0.5], [(0.0, 0.0)], None) == []
