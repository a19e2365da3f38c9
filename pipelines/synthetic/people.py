"""Invented users: names, Reddit ids and YouTube channels, looked up by number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.synthetic.draws import base36, base64, mixed
from pipelines.synthetic.noise import BOT_NAMES
from pipelines.synthetic.words import NAME_FIRST, NAME_SECOND

MAX_AUTHORS = 200_000
_SPREAD = 2_654_435_761  # Prime, hence no two users share an id.


@dataclass(frozen=True)
class People:
    """One entry a user; the bots come after all of them."""

    names: list[str]
    fullnames: list[str]
    channels: list[str]


def num_authors(posts: int) -> int:
    """Three posts to an author, at least 40 of them."""
    return min(MAX_AUTHORS, max(40, posts // 3))


def invent_people(seed: int, authors: int) -> People:
    """Users with distinct names; another seed gives other names."""
    numbers = np.arange(authors + len(BOT_NAMES), dtype=np.int64)
    names = []
    for number in range(authors):
        turn = number + seed % 1024 * 37
        first, second = NAME_FIRST[turn % 32], NAME_SECOND[turn // 32 % 32]
        names.append(f"{first}{second}{number // 1024 * 1000 + (seed * 7 + 23) % 1000}")
    ids = base64(mixed(numbers, seed * 4 + 1))
    return People(
        names=names + list(BOT_NAMES),
        fullnames=[f"t2_{code}" for code in base36(numbers * _SPREAD % 36**8, 8)],
        channels=[f"UC{one}{two}" for one, two in zip(ids, base64(mixed(numbers, seed * 4 + 3)), strict=True)],
    )
