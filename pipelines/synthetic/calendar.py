"""Which months a synthetic world covers, in which dump format each one came, and how many posts each holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

OLD, FLAT, WIDE, ARCTIC = "old", "flat", "wide", "arctic"
POSTS_A_MONTH = 40_000
CHUNK_POSTS = 2_048


class Month(NamedTuple):
    """A month's dump. `era` says which drift of Reddit's fields it has."""

    name: str
    era: str
    start: int
    end: int
    posts: int


class Span(NamedTuple):
    """A stretch of posts that is made in one go; `first` is the number of its first post in the whole world."""

    chunk: int
    month: Month
    first: int
    posts: int


def months(posts: int) -> list[Month]:
    """The months in order: one of 2011 (4 %), one of 2017 (10 %), 2020-08 and later (71 %), one Arctic Shift (15 %)."""
    early, middle, last = posts * 4 // 100, posts * 10 // 100, posts * 15 // 100
    bulk = posts - early - middle - last
    number = min(41, -(-bulk // POSTS_A_MONTH))
    shares = [bulk * (i + 1) // number - bulk * i // number for i in range(number)]
    found = [_month(2011, 5, OLD, early), _month(2017, 3, FLAT, middle)]
    found += [_month(2020 + (7 + i) // 12, (7 + i) % 12 + 1, WIDE, share) for i, share in enumerate(shares)]
    found.append(_month(2024, 2, ARCTIC, last))
    return [month for month in found if month.posts]


def _month(year: int, number: int, era: str, posts: int) -> Month:
    start = int(datetime(year, number, 1, tzinfo=UTC).timestamp())
    end = int(datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp())
    return Month(f"{year}-{number:02d}", era, start, end, posts)


def spans(posts: int) -> list[Span]:
    """The whole world cut into stretches of at most CHUNK_POSTS posts of one month."""
    found: list[Span] = []
    first = 0
    for month in months(posts):
        for offset in range(0, month.posts, CHUNK_POSTS):
            size = min(CHUNK_POSTS, month.posts - offset)
            found.append(Span(len(found), month, first + offset, size))
        first += month.posts
    return found
