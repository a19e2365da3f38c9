"""Names for the posts of a stretch: native ids, communities, links, media files, titles and texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.synthetic.calendar import ARCTIC, FLAT, OLD, WIDE
from pipelines.synthetic.copies import COPIES
from pipelines.synthetic.draws import Ints, base36, base64, chosen, generator, mixed
from pipelines.synthetic.phrases import Pools, long_text, post_title
from pipelines.synthetic.world import DELETED, FINE, GALLERY, IMAGE, LINK, SELF, VIDEO, YOUTUBE, Posts, Scale

# First id number and width in base 36: ids grow with the years, as they do on Reddit.
POST_IDS = {OLD: (36**4 * 16, 5), FLAT: (36**5 * 5, 6), WIDE: (36**5 * 17, 6), ARCTIC: (36**6 + 36**5 * 12, 7)}
COMMENT_IDS = {OLD: (36**6 * 12, 7), FLAT: (36**6 * 13, 7), WIDE: (36**6 * 16, 7), ARCTIC: (36**6 * 20, 7)}
# Worlds of up to so many posts share no Reddit id where their seeds differ modulo 16: they can go into one lake.
DISTINCT_SEEDS, POSTS_A_SEED, COMMENTS_A_SEED = 16, 2_000_000, 100_000_000
_EDITS = ((" the ", " that "), (" and ", " & "), (" is ", " was "))


@dataclass(frozen=True)
class Community:
    """A subreddit: name, id and how many follow it."""

    name: str
    code: str
    subscribers: int


COMMUNITIES: dict[int, tuple[Community, ...]] = {
    IMAGE: (
        Community("pics", "t5_2qh0u", 26_400_000),
        Community("itookapicture", "t5_2r1tc", 4_800_000),
        Community("mildlyinteresting", "t5_2ti4h", 19_200_000),
        Community("crafts", "t5_2qhoa", 1_300_000),
    ),
    VIDEO: (Community("oddlysatisfying", "t5_2x93b", 6_100_000), Community("BeAmazed", "t5_363r3", 5_200_000)),
    SELF: (Community("CasualConversation", "t5_323oy", 1_500_000), Community("self", "t5_2qh96", 900_000)),
    LINK: (Community("videos", "t5_2qh1e", 25_100_000),),
}
COMMUNITIES |= {GALLERY: COMMUNITIES[IMAGE], YOUTUBE: COMMUNITIES[LINK]}


@dataclass(frozen=True)
class Labels:
    """One entry a post; texts are JSON-ready."""

    ids: list[str]
    community: list[Community]
    slug: list[str]
    title: list[str]
    text: list[str]
    url: list[str]
    media: list[list[str]]  # Files under media/, which a reader finds by the name in the link.

    def post_id(self, posts: Posts, row: int) -> str:
        """`<platform>:<native id>`, as the lake has it."""
        return f"{'youtube' if posts.form[row] == YOUTUBE else 'reddit'}:{self.ids[row]}"


def label(scale: Scale, posts: Posts, texts: Pools) -> Labels:
    """All names of a stretch; copies that share link or text with their source get the source's."""
    rng, n = generator(scale.seed, 5, posts.span.chunk), len(posts.number)
    ids = _native_ids(scale, posts)
    names = base36(mixed(posts.number, scale.seed * 8 + 1), 13)
    picks = rng.integers(0, len(texts.openers), n)
    openers, forms = chosen(texts.openers, picks), posts.form.tolist()
    facts = zip(openers, posts.number.tolist(), posts.shape.tolist(), posts.colour.tolist(), strict=True)
    titles = [post_title(*fact) for fact in facts]
    bodies = [
        long_text(rng, o, k) if f == SELF else "" for o, k, f in zip(openers, posts.number.tolist(), forms, strict=True)
    ]
    places = rng.integers(0, 12, n).tolist()
    community = [COMMUNITIES[form][place % len(COMMUNITIES[form])] for form, place in zip(forms, places, strict=True)]
    labels = Labels(ids, community, chosen(texts.slugs, picks), titles, bodies, [""] * n, [[] for _ in range(n)])
    originals_first = np.argsort(posts.source >= 0, kind="stable").tolist()
    for row in originals_first:
        _link(posts, labels, row, names[row])
    for row in np.flatnonzero(posts.state != FINE).tolist():
        if forms[row] != YOUTUBE:
            bodies[row] = "[deleted]" if posts.state[row] == DELETED else "[removed]"
    return labels


def _native_ids(scale: Scale, posts: Posts) -> list[str]:
    first, width = POST_IDS[posts.span.month.era]
    first += scale.seed % DISTINCT_SEEDS * POSTS_A_SEED
    reddit, youtube = base36(posts.number + first, width), base64(mixed(posts.number, scale.seed * 8 + 2))
    return [youtube[i] if form == YOUTUBE else reddit[i] for i, form in enumerate(posts.form.tolist())]


def _link(posts: Posts, labels: Labels, row: int, name: str) -> None:
    form, source, copy = int(posts.form[row]), int(posts.source[row]), int(posts.copy[row])
    era = posts.span.month.era
    if source >= 0 and form == SELF:
        labels.title[row] = labels.title[source]
        labels.text[row] = _edited(labels.text[source]) if COPIES[copy].kind == "edited_text" else labels.text[source]
    if form == LINK:
        labels.url[row] = f"https://www.youtube.com/watch?v={labels.ids[source]}"
    elif source >= 0 and form == IMAGE and not COPIES[copy].media:
        labels.url[row] = labels.url[source]
    elif form == IMAGE:
        host = "http://i.imgur.com" if era == OLD else "https://i.redd.it"
        labels.url[row] = f"{host}/{name}.jpg"
        labels.media[row].append(f"{name}.jpg")
    elif form == GALLERY:
        labels.url[row] = f"https://www.reddit.com/gallery/{labels.ids[row]}"
        labels.media[row].extend((f"{name}.jpg", f"{name[::-1]}.jpg"))
    elif form == VIDEO:
        labels.url[row] = f"https://v.redd.it/{name}"
        labels.media[row].append(f"{name}.mp4")
    elif form == YOUTUBE:
        labels.url[row] = f"https://www.youtube.com/watch?v={labels.ids[row]}"
        labels.media[row].append(f"{labels.ids[row]}.mp4")
    else:
        path = f"/r/{labels.community[row].name}/comments/{labels.ids[row]}/{labels.slug[row]}/"
        labels.url[row] = f"https://www.reddit.com{path}"


def _edited(text: str) -> str:
    for old, new in _EDITS:
        text = text.replace(old, new, 1)
    return text + "\\n\\nEdit: spelling, thanks!"


def comment_ids(scale: Scale, era: str, numbers: Ints) -> list[str]:
    """Reddit's ids for comments that are the `numbers`-th of the whole world."""
    first, width = COMMENT_IDS[era]
    first += scale.seed % DISTINCT_SEEDS * COMMENTS_A_SEED
    return base36(numbers + first, width)
