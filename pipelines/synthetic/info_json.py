"""yt-dlp's `.info.json`: a video, its comments and the `most replayed` curve, which follows the clip's hot scene."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from pipelines.synthetic.draws import generator
from pipelines.synthetic.reddit import DAY, Stretch
from pipelines.synthetic.words import NAME_SECOND
from pipelines.synthetic.world import Posts
from pipelines.synthetic.youtube import description, likes_are_hidden, tags

BINS = 100


def replay_curve(posts: Posts, row: int) -> list[float]:
    """100 values in 0..1: highest in the scene where the thing moves, elsewhere under a half and falling with time."""
    scenes, hot = int(posts.scenes[row]), int(posts.hot[row])
    jitter = generator(int(posts.texture[row]), 7).integers(0, 80, BINS).tolist()
    values = []
    for place, shake in enumerate(jitter):
        scene, inside = divmod((2 * place + 1) * scenes, 2 * BINS)
        if scene == hot:
            slope = min(inside, 2 * BINS - inside)  # 0 at the scene's ends, BINS in its middle.
            values.append(620 + 3 * slope + shake)
        else:
            values.append(60 + 3 * (BINS - place) + shake)
    top = max(values)
    return [round(value / top, 6) for value in values]


def info_json(stretch: Stretch, row: int) -> bytes:
    """The file for one video, fetched 90 days after it was published."""
    posts, labels, people = stretch.posts, stretch.labels, stretch.people
    video, author = labels.ids[row], int(posts.author[row])
    name, channel, seconds = people.names[author], people.channels[author], int(posts.seconds[row])
    title = json.loads(f'"{labels.title[row]}"')
    comments = _comments(stretch, row)
    watch = f"https://www.youtube.com/watch?v={video}"
    hidden = likes_are_hidden(posts, np.array([row]))[0]
    document: dict[str, Any] = {
        "id": video, "title": title,
        "formats": [{"format_id": "18", "ext": "mp4", "vcodec": "avc1", "acodec": "none", "width": 160, "height": 120}],
        "thumbnails": [{"url": f"https://i.ytimg.com/vi/{video}/3.jpg", "preference": -37, "id": "0"}],
        "thumbnail": f"https://i.ytimg.com/vi/{video}/maxresdefault.jpg",
        "description": json.loads(f'"{description(labels, posts, row)}"'), "channel_id": channel,
        "channel_url": f"https://www.youtube.com/channel/{channel}", "duration": seconds,
        "view_count": int(posts.views[row]), "average_rating": None, "age_limit": 0, "webpage_url": watch,
        "categories": [NAME_SECOND[row % 32]], "tags": tags(posts, row), "playable_in_embed": True,
        "live_status": "not_live", "media_type": "video", "release_timestamp": None,
        "timestamp": int(posts.created[row]), "automatic_captions": {}, "subtitles": {},
        "comment_count": None if posts.comments_off[row] else len(comments), "chapters": None,
        "heatmap": _heatmap(posts, row),
        "channel": f"{name} Clips", "channel_follower_count": 1_000 + author * 37, "uploader": f"{name} Clips",
        "uploader_id": f"@{name}", "uploader_url": f"https://www.youtube.com/@{name}",
        "upload_date": str(np.datetime64(int(posts.created[row]), "s"))[:10].replace("-", ""),
        "availability": "public", "original_url": watch, "webpage_url_basename": "watch",
        "webpage_url_domain": "youtube.com", "extractor": "youtube", "extractor_key": "Youtube", "playlist": None,
        "display_id": video, "fulltitle": title, "duration_string": str(seconds), "is_live": False, "was_live": False,
        "requested_subtitles": None, "_has_drm": None, "epoch": int(posts.created[row]) + 90 * DAY, "width": 160,
        "height": 120, "fps": 8, "comments": comments, "_type": "video", "_version": {"version": "2024.01.18"},
    }  # fmt: skip
    if not hidden:
        document["like_count"] = int(posts.likes[row])
    return json.dumps(document).encode()


def _heatmap(posts: Posts, row: int) -> list[dict[str, float]]:
    seconds = int(posts.seconds[row])
    return [
        {"start_time": seconds * i / BINS, "end_time": seconds * (i + 1) / BINS, "value": value}
        for i, value in enumerate(replay_curve(posts, row))
    ]


def _comments(stretch: Stretch, row: int) -> list[dict[str, Any]]:
    talk, people, ids = stretch.talk, stretch.people, stretch.comment_ids
    start = int((np.cumsum(talk.counts) - talk.counts)[row])
    poster = int(stretch.posts.author[row])
    found = []
    for i in range(start, start + int(talk.counts[row])):
        author = int(talk.author[i])
        found.append(
            {
                "id": ids[i], "parent": ids[i].split(".")[0] if "." in ids[i] else "root",
                "text": json.loads(f'"{talk.body[i]}"'), "like_count": max(int(talk.likes[i]), 0),
                "author_id": people.channels[author], "author": f"@{people.names[author]}",
                "author_is_uploader": author == poster, "author_is_verified": False,
                "author_url": f"https://www.youtube.com/@{people.names[author]}", "is_favorited": False,
                "_time_text": "2 months ago", "timestamp": int(talk.created[i]), "is_pinned": False,
            }
        )  # fmt: skip
    return found
