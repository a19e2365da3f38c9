"""Reddit's dumps: the submissions and comments of a stretch as NDJSON lines, in the shape of their time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.synthetic.calendar import ARCTIC, FLAT, OLD
from pipelines.synthetic.copies import COPIES
from pipelines.synthetic.draws import Ints, chosen
from pipelines.synthetic.labels import Labels
from pipelines.synthetic.people import People
from pipelines.synthetic.reddit_shapes import comment_template, post_template
from pipelines.synthetic.talk import BOT, DELETED, REMOVED, Talk
from pipelines.synthetic.world import FINE, GALLERY, IMAGE, LINK, SELF, VIDEO, YOUTUBE, Posts
from pipelines.synthetic.world import REMOVED as POST_REMOVED

DAY = 86_400
_DOMAINS = {GALLERY: "reddit.com", VIDEO: "v.redd.it", LINK: "youtube.com"}
_FLAGS = ["false", "true"]


@dataclass(frozen=True)
class Stretch:
    """Everything that is known of a stretch of the world; the writers of both platforms read it."""

    posts: Posts
    labels: Labels
    talk: Talk
    comment_ids: list[str]
    people: People


def submissions(stretch: Stretch, rows: Ints, *, again: bool = False) -> list[str]:
    """Lines for the posts in `rows`; `again` gives a second, later observation with more likes and comments."""
    posts, labels = stretch.posts, stretch.labels
    era, picked = posts.span.month.era, rows.tolist()
    forms, created = posts.form[rows].tolist(), posts.created[rows]
    likes, comments, retrieved = posts.likes[rows], stretch.talk.counts[rows], created + 2 * DAY
    if again:
        likes, comments, retrieved = likes_later(likes), comments + 2, retrieved + 30 * DAY
    columns: dict[str, list[Any]] = {
        **_times(created, retrieved, rows),
        **_places(labels, picked),
        "id": [labels.ids[row] for row in picked],
        "author": [_poster(stretch, row) for row in picked],
        "title": [labels.title[row] for row in picked],
        "selftext": [labels.text[row] for row in picked],
        "url": [labels.url[row] for row in picked],
        "domain": [_domain(stretch, row) for row in picked],
        "score": likes.tolist(),
        "ratio": [f"0.{ratio}" for ratio in posts.ratio[rows].tolist()],
        "num_comments": comments.tolist(),
        "edited": _edited(era, np.where((rows % 11 == 0) & (posts.form[rows] == SELF), created + 900, 0)),
        "is_self": [_FLAGS[form == SELF] for form in forms],
        "is_video": [_FLAGS[form == VIDEO] for form in forms],
        "is_media": [_FLAGS[form in (IMAGE, VIDEO)] for form in forms],
        "over_18": [_FLAGS[number % 61 == 0] for number in posts.number[rows].tolist()],
        "flair": ['"OC"' if number % 9 == 0 else "null" for number in posts.number[rows].tolist()],
        "indexable": [_FLAGS[state == FINE] for state in posts.state[rows].tolist()],
        "removed_by": ['"moderator"' if state == POST_REMOVED else "null" for state in posts.state[rows].tolist()],
        "media": [_media(stretch, row) for row in picked],
    }
    return post_template(era).render(columns)


def likes_later(likes: Ints) -> Ints:
    """The likes of a second observation."""
    return likes + likes // 4 + 3


def comments(stretch: Stretch, rows: Ints) -> list[str]:
    """Lines for the comments in `rows`, all of which stand under Reddit posts."""
    talk, labels, era = stretch.talk, stretch.labels, stretch.posts.span.month.era
    picked, under = rows.tolist(), talk.post[rows].tolist()
    created, plant = talk.created[rows], talk.plant[rows]
    by_moderator = np.where(plant == BOT, 1, 0).tolist()
    ids = stretch.comment_ids
    columns: dict[str, list[Any]] = {
        **_times(created, created + 2 * DAY, rows),
        **_places(labels, under),
        "id": [ids[row] for row in picked],
        "post": [labels.ids[post] for post in under],
        "parent": [
            f"t1_{ids[above]}" if above >= 0 else f"t3_{labels.ids[post]}"
            for above, post in zip(talk.parent[rows].tolist(), under, strict=True)
        ],
        "author": _commenters(stretch, rows),
        "body": [talk.body[row] for row in picked],
        "score": talk.likes[rows].tolist(),
        "edited": _edited(era, np.where(talk.edited[rows] > 0, created + talk.edited[rows], 0)),
        "own": chosen(_FLAGS, (talk.author[rows] == stretch.posts.author[talk.post[rows]]).astype(np.int64)),
        "stickied": [
            "true" if bot and row % 3 == 0 else "false" for bot, row in zip(by_moderator, picked, strict=True)
        ],
        "distinguished": chosen(["null", '"moderator"'], np.array(by_moderator, np.int64)),
    }
    return comment_template(era).render(columns)


def _times(created: Ints, retrieved: Ints, rows: Ints) -> dict[str, list[Any]]:
    seconds = created.tolist()
    # Arctic Shift fetched some rows only once, and says so.
    second = np.where(rows % 7 == 0, -1, retrieved + DAY).tolist()
    return {
        "created": seconds,
        "created_float": [f"{second_of}.0" for second_of in seconds],
        "retrieved_on": retrieved.tolist(),
        "retrieved_2nd_on": ["null" if at < 0 else at for at in second],
    }


def _places(labels: Labels, rows: list[int]) -> dict[str, list[Any]]:
    communities = [labels.community[row] for row in rows]
    return {
        "sub": [community.name for community in communities],
        "sub_id": [community.code for community in communities],
        "subscribers": [community.subscribers for community in communities],
        "slug": [labels.slug[row] for row in rows],
    }


def _edited(era: str, when: Ints) -> list[str]:
    if era == OLD:
        return ["true" if at else "false" for at in when.tolist()]
    end = "" if era == FLAT else ".0"
    return [f"{at}{end}" if at else "false" for at in when.tolist()]


def _author(people: People, author: int, era: str) -> str:
    if era in (OLD, FLAT):
        return f'"author":"{people.names[author]}"'
    gap = " " if era == ARCTIC else ""
    return f'"author":{gap}"{people.names[author]}",{gap}"author_fullname":{gap}"{people.fullnames[author]}"'


def _poster(stretch: Stretch, row: int) -> str:
    if stretch.posts.state[row] != FINE:
        return '"author":"[deleted]"'
    return _author(stretch.people, int(stretch.posts.author[row]), stretch.posts.span.month.era)


def commenter(talk: Talk, people: People, rows: Ints) -> Ints:
    """Who wrote each comment: its author, one of the bots at the end of the list, or -1 for `[deleted]`."""
    bots = len(people.names) - 1 - talk.author[rows] % 6
    plant = talk.plant[rows]
    gone = (plant == DELETED) | ((plant == REMOVED) & (rows % 2 == 0))
    return np.where(gone, -1, np.where(plant == BOT, bots, talk.author[rows]))


def _commenters(stretch: Stretch, rows: Ints) -> list[str]:
    era, people = stretch.posts.span.month.era, stretch.people
    who = commenter(stretch.talk, people, rows)
    known = {author: _author(people, author, era) for author in set(who.tolist()) - {-1}}
    known[-1] = '"author":"[deleted]"'
    return [known[author] for author in who.tolist()]


def _domain(stretch: Stretch, row: int) -> str:
    form = int(stretch.posts.form[row])
    if form == SELF:
        return f"self.{stretch.labels.community[row].name}"
    return _DOMAINS.get(form) or stretch.labels.url[row].split("/")[2]


def _media(stretch: Stretch, row: int) -> str:
    posts, labels = stretch.posts, stretch.labels
    form = int(posts.form[row])
    if form == SELF or posts.span.month.era == OLD:
        return '"media":null'
    if form == IMAGE:
        return (
            '"media":null,"post_hint":"image",' + _preview(labels.url[row].rsplit("/", 1)[1]) + _crosspost(stretch, row)
        )
    if form == VIDEO:
        return f'"media":{{"reddit_video":{_reddit_video(labels.url[row], int(posts.seconds[row]))}}},' + (
            '"post_hint":"hosted:video"'
        )
    if form == GALLERY:
        return _gallery(labels.media[row])
    return '"media":{"type":"youtube.com","oembed":{"provider_name":"YouTube","type":"video"}},"post_hint":"rich:video"'


def _preview(name: str) -> str:
    source = f'{{"url":"https://preview.redd.it/{name}?auto=webp&amp;s=0f","width":256,"height":192}}'
    return f'"preview":{{"enabled":true,"images":[{{"source":{source},"resolutions":[],"variants":{{}}}}]}}'


def _reddit_video(url: str, seconds: int) -> str:
    return (
        f'{{"bitrate_kbps":450,"dash_url":"{url}/DASHPlaylist.mpd","duration":{seconds},"fallback_url":'
        f'"{url}/DASH_240.mp4?source=fallback","has_audio":false,"height":120,"hls_url":"{url}/HLSPlaylist.m3u8",'
        f'"is_gif":false,"scrubber_media_url":"{url}/DASH_96.mp4","transcoding_status":"completed","width":160}}'
    )


def _gallery(files: list[str]) -> str:
    names = [name.removesuffix(".jpg") for name in files]
    items = ",".join(f'{{"id":{1_000_000 + i},"media_id":"{name}"}}' for i, name in enumerate(names))
    meta = ",".join(
        f'"{name}":{{"e":"Image","id":"{name}","m":"image/jpg","p":[],"s":{{"u":"https://preview.redd.it/{name}.jpg'
        f'?width=256&amp;format=pjpg&amp;auto=webp&amp;s=1e","x":256,"y":192}},"status":"valid"}}'
        for name in names
    )
    return f'"gallery_data":{{"items":[{items}]}},"is_gallery":true,"media":null,"media_metadata":{{{meta}}}'


def _crosspost(stretch: Stretch, row: int) -> str:
    posts, labels = stretch.posts, stretch.labels
    copy = int(posts.copy[row])
    if copy < 0 or COPIES[copy].kind != "crosspost":
        return ""
    source = int(posts.source[row])
    community = labels.community[source]
    parent = (
        f'{{"id":"{labels.ids[source]}","name":"t3_{labels.ids[source]}",{_poster(stretch, source)},'
        f'"created_utc":{posts.created[source]},"domain":"i.redd.it","title":"{labels.title[source]}",'
        f'"selftext":"","is_self":false,"score":{posts.likes[source]},"subreddit":"{community.name}",'
        f'"subreddit_id":"{community.code}","url":"{labels.url[source]}"}}'
    )
    return f',"crosspost_parent":"t3_{labels.ids[source]}","crosspost_parent_list":[{parent}]'


def reddit_rows(posts: Posts) -> Ints:
    """The rows that are Reddit's."""
    return np.flatnonzero(posts.form != YOUTUBE)
