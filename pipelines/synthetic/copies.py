"""Plants duplicates among the posts of a stretch: the same link, bytes, text or clip, and changed ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipelines.synthetic.calendar import ARCTIC, WIDE
from pipelines.synthetic.draws import generator
from pipelines.synthetic.world import FINE, IMAGE, LINK, SELF, VIDEO, YOUTUBE, Posts, Scale

SHARE_PERCENT = 10
SAME, REENCODED, RESIZED, CROPPED = "same", "reencoded", "resized", "cropped"


class Copy(NamedTuple):
    """A kind of duplicate: of what form, in what form, how its media file differs ('' where it has none of its own)."""

    kind: str
    source: int
    form: int
    media: str


COPIES = (
    Copy("same_url", IMAGE, IMAGE, ""),
    Copy("mirror_same_bytes", YOUTUBE, VIDEO, SAME),
    Copy("same_text", SELF, SELF, ""),
    Copy("image_reencoded", IMAGE, IMAGE, REENCODED),
    Copy("mirror_link", YOUTUBE, LINK, ""),
    Copy("image_resized", IMAGE, IMAGE, RESIZED),
    Copy("edited_text", SELF, SELF, ""),
    Copy("image_same_bytes", IMAGE, IMAGE, SAME),
    Copy("mirror_reencoded", YOUTUBE, VIDEO, REENCODED),
    Copy("image_cropped", IMAGE, IMAGE, CROPPED),
    Copy("crosspost", IMAGE, IMAGE, ""),
    Copy("reupload_resized", YOUTUBE, YOUTUBE, RESIZED),
)
_SHOWN = ("shape", "colour", "light", "radius", "x", "y", "texture", "scenes", "hot", "seconds", "drawn")


def plant_copies(scale: Scale, posts: Posts) -> None:
    """Turn a tenth of the posts into copies of others of the stretch, each kind in turn; columns change in place."""
    rng = generator(scale.seed, 3, posts.span.chunk)
    order = rng.permutation(np.flatnonzero(posts.state == FINE))
    wanted = len(posts.number) * SHARE_PERCENT // 100
    targets, pool = order[:wanted], order[wanted:]
    modern = posts.span.month.era in (WIDE, ARCTIC)
    sources = {form: pool[posts.form[pool] == form] for form in (IMAGE, SELF, YOUTUBE)}
    kinds = [k for k, copy in enumerate(COPIES) if len(sources[copy.source]) and (modern or copy.form != VIDEO)]
    for place, target in enumerate(targets.tolist()):
        if not kinds:
            return
        kind = kinds[(place + posts.span.chunk * 5) % len(kinds)]
        candidates = sources[COPIES[kind].source]
        source = int(candidates[int(rng.integers(0, len(candidates)))])
        _copy(posts, target, source, kind)
        later = int(posts.created[source]) + int(rng.integers(3_600, 6 * 86_400))
        posts.created[target] = min(later, posts.span.month.end - 1)


def _copy(posts: Posts, target: int, source: int, kind: int) -> None:
    posts.form[target] = COPIES[kind].form
    posts.source[target], posts.copy[target] = source, kind
    for name in _SHOWN:
        column = getattr(posts, name)
        column[target] = column[source]
