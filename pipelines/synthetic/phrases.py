"""Fills the vocabulary in: pools of JSON-ready remarks, titles and texts, from which the writers pick by number.

A pool is a plain list; picking by number is what lets a single core write more than 50,000 records a second.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from pipelines.synthetic import noise as planted
from pipelines.synthetic import words
from pipelines.synthetic.draws import generator
from pipelines.synthetic.world import COLOURS, SHAPES

REMARKS_A_CELL = 384
_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou])")


def escaped(text: str) -> str:
    """The inside of a JSON string, ASCII only, as the dumps have it."""
    return json.dumps(text)[1:-1]


@dataclass(frozen=True)
class Pools:
    """JSON-escaped texts. Cell (mood * shapes + shape) * colours + colour owns REMARKS_A_CELL entries in turn."""

    remarks: list[str]
    replies: list[str]
    tails: list[str]
    toxic: list[str]
    foreign: list[str]
    foreign_codes: list[str]
    spam: list[str]
    bots: list[str]
    short: list[str]
    links: list[str]
    openers: list[str]
    slugs: list[str]


@cache
def pools() -> Pools:
    """All pools; the same in every world, whatever its seed."""
    numbers = [str(100 + 7 * i) for i in range(400)]
    foreign = [(code, escaped(h + t)) for code, (heads, tails) in planted.FOREIGN.items() for h in heads for t in tails]
    return Pools(
        remarks=_cells({mood: words.REMARKS[mood] * 2 + words.PLAIN_REMARKS for mood in words.MOODS}),
        replies=_cells(dict.fromkeys(words.MOODS, words.REPLIES)),
        tails=[escaped(tail) for tail in words.TAILS] + [""] * len(words.TAILS),
        toxic=[escaped(head + tail) for head in planted.TOXIC_HEADS for tail in planted.TOXIC_TAILS],
        foreign=[text for _, text in foreign],
        foreign_codes=[code for code, _ in foreign],
        spam=[
            escaped(h + t.format(number=n)) for h in planted.SPAM_HEADS for t in planted.SPAM_TAILS for n in numbers[:9]
        ],
        bots=[escaped(text.format(number=n)) for text in planted.BOT_TEXTS for n in numbers[:9]],
        short=[escaped(text) for text in planted.SHORT],
        links=[text.format(number=n) for text in planted.LINKS for n in numbers],
        openers=[f"{opener} {place}" for opener in words.OPENERS for place in words.PLACES],
        slugs=[_slug(opener) for opener in words.OPENERS for _ in words.PLACES],
    )


def _cells(templates: dict[str, tuple[str, ...]]) -> list[str]:
    found: list[str] = []
    for mood, forms in templates.items():
        for shape in SHAPES:
            for colour in COLOURS:
                found += _cell(forms, mood, shape, colour)
    return found


def _cell(forms: tuple[str, ...], mood: str, shape: str, colour: str) -> list[str]:
    rng = generator(0, words.MOODS.index(mood), SHAPES.index(shape), COLOURS.index(colour), len(forms))
    picks = rng.integers(0, 4, (REMARKS_A_CELL, 4)).tolist()
    colours, things = words.COLOUR_WORDS[colour], words.THINGS[shape]
    feelings, adjectives = words.COLOUR_FEELINGS[colour], words.ADJECTIVES[mood]
    said = [
        forms[i % len(forms)].format(colour=colours[a], thing=things[b], feeling=feelings[c], adjective=adjectives[d])
        for i, (a, b, c, d) in enumerate(picks)
    ]
    return [_BEFORE_VOWEL.sub(r"\1n ", text) for text in said]


def _slug(title: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in title.lower()).split())[:48]


def post_title(opener: str, number: int, shape: int, colour: int) -> str:
    """A title that no other post has by chance; one in four says something about what the picture shows."""
    hint = ""
    if number % 4 == 0:
        colour_name, thing = COLOURS[colour], SHAPES[shape]
        words_of = words.COLOUR_WORDS[colour_name][number // 4 % 4], words.THINGS[thing][number // 16 % 4]
        form = words.HINTS[number // 64 % len(words.HINTS)]
        hint = ", " + form.format(colour=words_of[0], thing=words_of[1], feeling=words.COLOUR_FEELINGS[colour_name][0])
    return f"{opener}{hint}, no. {number + 1}"


def long_text(rng: np.random.Generator, opener: str, number: int) -> str:
    """Seven distinct sentences of a text post, as JSON-ready text with blank lines."""
    order = rng.permutation(len(words.SELF_SENTENCES))[:7].tolist()
    picks = rng.integers(0, 1 << 20, (7, 4)).tolist()
    names = list(words.COLOUR_WORDS.values())
    things = list(words.THINGS.values())
    sentences = [
        words.SELF_SENTENCES[which].format(
            place=words.PLACES[a % len(words.PLACES)],
            number=2 + b % 400,
            thing=things[c % 6][c // 6 % 4],
            colour=names[d % 8][d // 8 % 4],
        )
        for which, (a, b, c, d) in zip(order, picks, strict=True)
    ]
    return "\\n\\n".join((f"{opener}, day {number % 9973}.", " ".join(sentences[:4]), " ".join(sentences[4:])))
