"""The comments under the posts of a stretch: who says what, how it is liked, and which of them cleaning must find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.synthetic.draws import Flags, Ints, chosen, generator, growth
from pipelines.synthetic.phrases import REMARKS_A_CELL, Pools
from pipelines.synthetic.world import COLOURS, SHAPES, YOUTUBE, Posts, Scale

REMARK, TOXIC, FOREIGN, SPAM, BOT, DELETED, REMOVED, SHORT, LINKS, REPEATED = range(10)
PLANTS = ("", "toxic", "foreign", "spam", "bot", "deleted", "removed", "short", "links_only", "near_copy")
# Per mille of all comments, in the order of PLANTS from 1 on; the rest are plain remarks.
_SHARES = np.array([20, 30, 20, 15, 25, 10, 50, 10, 15], np.int64)
_REPLY_PERCENT = 30


@dataclass(frozen=True)
class Talk:
    """Columns of comments, those of one post lying together in the order in which they were written."""

    post: Ints  # Row of the post in its stretch.
    counts: Ints  # For each post, how many comments it has.
    parent: Ints  # Row of the comment that it answers, or -1.
    plant: Ints  # Place in PLANTS.
    author: Ints
    likes: Ints
    created: Ints
    edited: Ints  # Seconds after `created`, or 0.
    body: list[str]  # JSON-escaped.
    original: Ints  # For a near copy, the row that it repeats; else -1.
    language: list[str]  # For a foreign one its ISO 639-1 code, else "".


def draw_talk(scale: Scale, posts: Posts, texts: Pools) -> Talk:
    """All comments of a stretch: `comments_per_post` a post on average, four times as many under the busiest."""
    rng = generator(scale.seed, 4, posts.span.chunk)
    luck = rng.random(len(posts.number))
    counts = np.floor(scale.comments_per_post * 4.0 * luck * luck * luck + rng.random(len(luck))).astype(np.int64)
    counts = np.where(posts.comments_off, 0, counts)
    total = int(counts.sum())
    post = np.repeat(np.arange(len(counts)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    place = np.arange(total) - first
    is_reply = (rng.integers(0, 100, total) < _REPLY_PERCENT) & (place > 0)
    earlier = first + np.floor(rng.random(total) * place).astype(np.int64)
    plant = _plants(rng, posts, post, place, earlier)
    original = np.where(plant == REPEATED, earlier, -1)
    body, language = _bodies(rng, posts, post, is_reply, plant, texts)
    _repeat(body, original)
    own = rng.integers(0, 100, total) < 4
    author = np.where(own, posts.author[post], rng.integers(0, scale.authors, total))
    gap = 200_000 // np.maximum(counts[post], 1)
    return Talk(
        post=post,
        counts=counts,
        parent=np.where(is_reply, earlier, -1),
        plant=plant,
        author=author,
        likes=_likes(rng, plant),
        created=posts.created[post] + 60 + place * gap + np.floor(rng.random(total) * gap).astype(np.int64),
        edited=np.where(rng.integers(0, 100, total) < 5, 300, 0),
        body=body,
        original=original,
        language=language,
    )


def _plants(rng: np.random.Generator, posts: Posts, post: Ints, place: Ints, earlier: Ints) -> Ints:
    plant = np.searchsorted(np.cumsum(_SHARES[::-1]), rng.integers(0, 1000, len(post)), side="right")
    plant = np.where(plant < len(_SHARES), len(_SHARES) - plant, REMARK)
    # YouTube's API does not return what was deleted, and has no moderators' bots.
    youtube = posts.form[post] == YOUTUBE
    plant = np.where(youtube & ((plant == DELETED) | (plant == REMOVED)), REMARK, plant)
    plant = np.where(youtube & (plant == BOT), SPAM, plant)
    return np.where((plant == REPEATED) & ((place == 0) | (plant[earlier] != REMARK)), REMARK, plant)


def _repeat(body: list[str], original: Ints) -> None:
    for row in np.flatnonzero(original >= 0).tolist():
        said = body[int(original[row])]
        body[row] = said + "!" if said.endswith("!") else said.rstrip(".") + "!!"


def _bodies(
    rng: np.random.Generator, posts: Posts, post: Ints, is_reply: Flags, plant: Ints, texts: Pools
) -> tuple[list[str], list[str]]:
    total = len(post)
    cell = (posts.mood * len(SHAPES) + posts.shape) * len(COLOURS) + posts.colour
    entry = cell[post] * REMARKS_A_CELL + rng.integers(0, REMARKS_A_CELL, total)
    heads = np.where(is_reply, len(texts.remarks) + entry, entry)
    tails = chosen(texts.tails, rng.integers(0, len(texts.tails), total))
    body = [head + tail for head, tail in zip(chosen(texts.remarks + texts.replies, heads), tails, strict=True)]
    language = [""] * total
    pools = {TOXIC: texts.toxic, FOREIGN: texts.foreign, SPAM: texts.spam, BOT: texts.bots, SHORT: texts.short}
    pools |= {LINKS: texts.links, DELETED: ["[deleted]"], REMOVED: ["[removed]"]}
    for kind, pool in pools.items():
        rows = np.flatnonzero(plant == kind)
        for row, pick in zip(rows.tolist(), rng.integers(0, len(pool), len(rows)).tolist(), strict=True):
            body[row] = pool[pick]
            if kind == FOREIGN:
                language[row] = texts.foreign_codes[pick]
    return body, language


def _likes(rng: np.random.Generator, plant: Ints) -> Ints:
    total = len(plant)
    luck = rng.random(total)
    plain = growth(10.0 * luck * luck)
    # One planted comment in ten is popular, so that it would reach the five best if nothing filtered it.
    lucky = rng.integers(0, 10, total) == 0
    likes = np.where((plant == REMARK) | lucky, plain, plain // 16)
    return np.where((plant == TOXIC) & ~lucky, -likes, likes)


def thread_roots(parent: Ints) -> Ints:
    """For each comment the top-level one above it (itself at the top): YouTube has only one level of replies."""
    root = np.where(parent < 0, np.arange(len(parent)), parent)
    while True:
        above = root[root]
        if np.array_equal(above, root):
            return root
        root = above
