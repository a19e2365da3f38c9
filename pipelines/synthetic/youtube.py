"""YouTube's Data API v3: the videos of a stretch as videos.list items, their comments as commentThreads.list pages."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipelines.synthetic.draws import Ints, base64, iso_times, mixed
from pipelines.synthetic.labels import Labels
from pipelines.synthetic.reddit import Stretch
from pipelines.synthetic.talk import LINKS, thread_roots
from pipelines.synthetic.words import NAME_SECOND
from pipelines.synthetic.world import YOUTUBE, Posts, Scale
from pipelines.synthetic.youtube_shapes import comment_template, page, thread_template, video_template

CATEGORIES = ("1", "22", "24", "26")


def in_info_json(scale: Scale, posts: Posts) -> Ints:
    """Rows of the videos that yt-dlp fetched, with comments and the replay curve."""
    rows: Ints = np.flatnonzero((posts.form == YOUTUBE) & (posts.number // 5 % scale.info_stride == 0))
    return rows


def seen_twice(scale: Scale, posts: Posts) -> Ints:
    """Rows of the videos of an info.json that the API gave too, earlier and with fewer likes."""
    rows = in_info_json(scale, posts)
    twice: Ints = rows[posts.number[rows] // 5 // scale.info_stride % 10 == 3]
    return twice


def likes_before(likes: Ints) -> Ints:
    """The likes of the earlier observation."""
    return likes - likes // 5 - 1


def likes_are_hidden(posts: Posts, rows: Ints) -> list[bool]:
    """Whether the channel hides the likes of a video: the API then leaves the key out."""
    hidden: list[bool] = (posts.number[rows] % 23 == 8).tolist()
    return hidden


def description(labels: Labels, posts: Posts, row: int) -> str:
    """What stands under the video, JSON-ready."""
    number = int(posts.number[row])
    return (
        f"{labels.title[row]}. Filmed on day {number % 8191} of the {NAME_SECOND[number % 32]} series.\\n\\n"
        f"New clips every week, see https://clips.example/{labels.ids[row]}"
    )


def tags(posts: Posts, row: int) -> list[str]:
    """The uploader's tags; none for one video in seven."""
    number = int(posts.number[row])
    return ["clip", NAME_SECOND[number % 32].lower(), f"series {number % 13}"] if number % 7 else []


def videos(scale: Scale, stretch: Stretch, rows: Ints) -> list[str]:
    """Items of videos.list for the rows."""
    posts, labels, people = stretch.posts, stretch.labels, stretch.people
    picked, authors = rows.tolist(), posts.author[rows].tolist()
    likes = np.where(np.isin(rows, seen_twice(scale, posts)), likes_before(posts.likes[rows]), posts.likes[rows])
    columns: dict[str, list[Any]] = {
        "etag": [f"v{number}" for number in posts.number[rows].tolist()],
        "id": [labels.ids[row] for row in picked],
        "published": iso_times(posts.created[rows]),
        "channel": [people.channels[author] for author in authors],
        "title": [labels.title[row] for row in picked],
        "description": [description(labels, posts, row) for row in picked],
        "channel_title": [f"{people.names[author]} Clips" for author in authors],
        "tags": [_tags(posts, row) for row in picked],
        "duration": [f"PT{seconds}S" for seconds in posts.seconds[rows].tolist()],
        "statistics": [
            _statistics(*facts)
            for facts in zip(
                posts.views[rows].tolist(),
                likes.tolist(),
                stretch.talk.counts[rows].tolist(),
                likes_are_hidden(posts, rows),
                posts.comments_off[rows].tolist(),
                strict=True,
            )
        ],
    }
    return video_template().render(columns)


def _tags(posts: Posts, row: int) -> str:
    category = f'"categoryId":"{CATEGORIES[int(posts.number[row]) % 4]}"'
    quoted = ",".join(f'"{tag}"' for tag in tags(posts, row))
    return f'"tags":[{quoted}],{category}' if quoted else category


def _statistics(views: int, likes: int, comments: int, hidden: bool, comments_off: bool) -> str:
    text = f'"viewCount":"{views}"'
    if not hidden:
        text += f',"likeCount":"{likes}"'
    return text if comments_off else f'{text},"commentCount":"{comments}"'


def native_comment_ids(scale: Scale, numbers: Ints, roots: Ints) -> list[str]:
    """YouTube's ids: 26 characters at the top level, the thread's id, a dot and 22 more for a reply."""
    own = base64(mixed(numbers, scale.seed * 8 + 3))
    return [
        f"Ugz{own[i]}9qTlZ4AaABAg" if root == i else f"Ugz{own[root]}9qTlZ4AaABAg.9{own[i]}8fR2mKq1Lw"
        for i, root in enumerate(roots.tolist())
    ]


def comment_pages(stretch: Stretch, rows: Ints) -> list[tuple[int, str]]:
    """(number of comments, commentThreads.list response) for each video among the rows that has comments."""
    talk = stretch.talk
    starts = np.cumsum(talk.counts) - talk.counts
    commented = rows[talk.counts[rows] > 0]
    if not len(commented):
        return []
    spans = [(int(starts[row]), int(starts[row] + talk.counts[row])) for row in commented.tolist()]
    picked = np.concatenate([np.arange(start, end) for start, end in spans])
    roots = thread_roots(talk.parent)
    rendered = dict(zip(picked.tolist(), _comments(stretch, picked, roots), strict=True))
    thread = thread_template()
    pages = []
    for start, end in spans:
        replies: dict[int, list[str]] = {row: [] for row in range(start, end) if roots[row] == row}
        for row in range(start, end):
            if roots[row] != row:
                replies[int(roots[row])].append(rendered[row])
        columns: dict[str, list[Any]] = {
            "id": [stretch.comment_ids[row] for row in replies],
            "video": [stretch.labels.ids[int(talk.post[start])]] * len(replies),
            "top": [rendered[row] for row in replies],
            "num_replies": [len(under) for under in replies.values()],
            "tail": [_tail(under) for under in replies.values()],
        }
        pages.append((end - start, page("commentThread", thread.render(columns))))
    return pages


def _tail(replies: list[str]) -> str:
    return f'"etag":"r","replies":{{"comments":[{",".join(replies)}]}}' if replies else '"etag":"t"'


def _comments(stretch: Stretch, rows: Ints, roots: Ints) -> list[str]:
    talk, people, ids = stretch.talk, stretch.people, stretch.comment_ids
    picked, authors = rows.tolist(), talk.author[rows].tolist()
    facts = zip(picked, roots[rows].tolist(), talk.plant[rows].tolist(), strict=True)
    columns: dict[str, list[Any]] = {
        "etag": [f"c{row}" for row in picked],
        "id": [ids[row] for row in picked],
        "author": [people.names[author] for author in authors],
        "channel": [people.channels[author] for author in authors],
        "video": [stretch.labels.ids[post] for post in talk.post[rows].tolist()],
        "texts": [
            _texts(talk.body[row], plant == LINKS, "" if root == row else ids[root]) for row, root, plant in facts
        ],
        "likes": np.maximum(talk.likes[rows], 0).tolist(),
        "published": iso_times(talk.created[rows]),
        "updated": iso_times(talk.created[rows] + talk.edited[rows]),
    }
    return comment_template().render(columns)


def _texts(body: str, is_link: bool, parent: str) -> str:
    shown = body.replace("&", "&amp;").replace("'", "&#39;").replace(">", "&gt;").replace("<", "&lt;")
    if is_link:
        shown = " ".join(f'<a href=\\"{url}\\">{url}</a>' for url in body.split())
    text = f'"textDisplay":"{shown}","textOriginal":"{body}"'
    return f'{text},"parentId":"{parent}"' if parent else text
