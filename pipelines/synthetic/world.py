"""The posts of a synthetic world: what each shows, who posted it, and how people behave because of what it shows.

`draw_posts` makes one stretch of them; reddit.py, youtube.py and pictures.py put the same facts into each format.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from pipelines.synthetic.calendar import ARCTIC, WIDE, Span
from pipelines.synthetic.draws import Flags, Ints, generator, growth, noise
from pipelines.synthetic.words import COLOUR_WORDS, THINGS

COLOURS = tuple(COLOUR_WORDS)
SHAPES = tuple(THINGS)
# What share of viewers likes it, in per mille: colour counts most, so that even a coarse look at the picture tells.
COLOUR_APPEAL = np.array([60, 44, 52, 28, 22, 12, 36, 70], np.int64)
SHAPE_APPEAL = np.array([6, 0, 2, 14, -2, 8], np.int64)
LIGHT_APPEAL = np.array([-6, 0, 8], np.int64)
COLD_BELOW, WARM_FROM = 26, 50

IMAGE, GALLERY, VIDEO, SELF, LINK, YOUTUBE = range(6)
FORMS = ("image", "gallery", "video", "self", "link", "youtube")
_FORM_SHARES = {
    "early": (60, 60, 60),
    "late": (55, 65, 80),
}  # Upper ends in per cent: image, gallery, video; rest self.
FINE, DELETED, REMOVED = range(3)


class Scale(NamedTuple):
    """How large the world is: what every stretch of it must know of the whole."""

    seed: int
    posts: int
    media: int
    authors: int
    info_stride: int
    comments_per_post: float


@dataclass(frozen=True)
class Posts:
    """Columns of a stretch of posts, one entry a post; copies.py overwrites rows in place before they are used."""

    span: Span
    number: Ints
    form: Ints
    source: Ints  # Row that this one copies, or -1.
    copy: Ints  # Place in copies.COPIES, or -1.
    state: Ints
    author: Ints
    created: Ints
    shape: Ints
    colour: Ints
    light: Ints
    radius: Ints  # Per mille of the shorter side.
    x: Ints  # Centre, per mille.
    y: Ints
    texture: Ints
    scenes: Ints
    hot: Ints  # The scene in which the thing is bright and moves.
    seconds: Ints
    drawn: Flags
    appeal: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    likes: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    views: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    ratio: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def mood(self) -> Ints:
        """0 cold, 1 mild, 2 warm: how people talk about it."""
        return (self.appeal >= COLD_BELOW).astype(np.int64) + (self.appeal >= WARM_FROM)

    @property
    def comments_off(self) -> Flags:
        """Videos whose channel allows no comments: the API then gives no count either."""
        off: Flags = (self.form == YOUTUBE) & (self.number % 29 == 3)
        return off


def draw_posts(scale: Scale, span: Span) -> Posts:
    """The posts of a stretch, without copies and behaviour."""
    rng, n = generator(scale.seed, 1, span.chunk), span.posts
    number = np.arange(span.first, span.first + n, dtype=np.int64)
    youtube = (number % 5 == 1) | (number % 5 == 3)
    scenes = rng.integers(2, 5, n)
    return Posts(
        span=span,
        number=number,
        form=np.where(youtube, YOUTUBE, _forms(rng.integers(0, 100, n), span)),
        source=np.full(n, -1, np.int64),
        copy=np.full(n, -1, np.int64),
        state=np.where(number % 50 == 7, DELETED, np.where(number % 50 == 35, REMOVED, FINE)),
        author=np.floor(rng.random(n) * rng.random(n) * scale.authors).astype(np.int64),
        created=np.sort(rng.integers(span.month.start, span.month.end - 7 * 86_400, n)),
        shape=rng.integers(0, len(SHAPES), n),
        colour=rng.integers(0, len(COLOURS), n),
        light=rng.integers(0, 3, n),
        radius=rng.integers(260, 430, n),
        x=rng.integers(330, 670, n),
        y=rng.integers(330, 670, n),
        texture=rng.integers(0, 1 << 32, n),
        scenes=scenes,
        hot=np.floor(rng.random(n) * scenes).astype(np.int64),
        seconds=rng.integers(4, 8, n),
        drawn=number * scale.media // scale.posts != (number + 1) * scale.media // scale.posts,
    )


def _forms(percent: Ints, span: Span) -> Ints:
    image, gallery, video = _FORM_SHARES["late" if span.month.era in (WIDE, ARCTIC) else "early"]
    return np.select([percent < image, percent < gallery, percent < video], [IMAGE, GALLERY, VIDEO], SELF)


def behave(scale: Scale, posts: Posts) -> Posts:
    """The posts with likes, views and upvote ratio (per cent), which follow from what they show plus modest noise."""
    rng, n = generator(scale.seed, 2, posts.span.chunk), len(posts.number)
    appeal = COLOUR_APPEAL[posts.colour] + SHAPE_APPEAL[posts.shape] + LIGHT_APPEAL[posts.light]
    appeal = np.maximum(appeal, 3)
    views = growth(11.0 + 8.0 * rng.random(n))
    rate = np.maximum(np.floor(appeal * 1000 + noise(rng, n) * 14000), 2000)  # Likes in a million views.
    likes = np.floor(views * rate / 1e6).astype(np.int64)
    score = growth(np.maximum(2.0 + appeal * 0.11 + noise(rng, n) * 3.0, 0.0))
    ratio = np.floor(55.0 + appeal * 0.45 + noise(rng, n) * 6.0).astype(np.int64)
    youtube = posts.form == YOUTUBE
    return replace(
        posts,
        appeal=appeal,
        likes=np.where(youtube, likes, score),
        views=views,
        ratio=np.minimum(ratio, 99),
    )
