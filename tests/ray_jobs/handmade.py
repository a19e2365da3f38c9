"""Small raw dumps of three platforms, written by hand, and the lake made of them: every row's fate can be foretold.

Authors' names all begin with `Planted`, so that a search of the lake's bytes finds any that slipped in.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from tests.ray_jobs.front import postlake, write_lines

EVENING = "What a lovely evening by the quiet sea this was"
BRIDGE = "The old stone bridge at dawn, with fog on the river and nobody there but two swans and one tired photographer"
T = 1577836800


def submission(native: str, author: str, **values: Any) -> dict[str, Any]:
    fields = {"subreddit": "pics", "created_utc": T, "score": 10, "is_self": False, "over_18": False, "selftext": ""}
    return {"id": native, "author": author, "title": f"post {native}", **fields, **values}


SUBMISSIONS = [
    submission("a1", "PlantedAnna", title="Harbour", url="https://example.org/harbour", score=50, retrieved_on=T + 100),
    submission("a1", "PlantedAnna", title="Harbour", url="https://example.org/harbour", score=60, retrieved_on=T + 900),
    submission("a2", "PlantedBert", title="Seen", url="https://example.org/harbour?utm_source=feed", score=7),
    submission("a3", "PlantedCarl", title="Bridge", selftext=BRIDGE, is_self=True, score=5),
    submission("a4", "PlantedDora", selftext="[removed]", is_self=True, removed_by_category="moderator"),
    submission("a5", "PlantedDora", over_18=True, url="https://example.org/adult"),
    submission("a6", "AutoModerator", url="https://example.org/rules"),
    submission("a7", "PlantedAnna", subreddit="u_PlantedAnna", permalink="/user/PlantedAnna/comments/a7/x/", score=1),
    submission("a8", "[deleted]", url="https://example.org/gone"),
]


def reply(native: str, post: str, author: str, body: str, score: int = 1, **values: Any) -> dict[str, Any]:
    links = {"link_id": f"t3_{post}", "parent_id": f"t3_{post}", "created_utc": T + 50}
    return {"id": native, "author": author, "body": body, "score": score, **links, **values}


COMMENTS = [
    reply("c1", "a1", "PlantedEmil", EVENING, 9),
    reply("c2", "a1", "[deleted]", "[deleted]"),
    reply("c3", "a1", "PlantedFred", "[removed]"),
    reply("c4", "a1", "PlantedFred", "nice one"),
    reply("c5", "a1", "AutoModerator", "I am a bot and I say many words here"),
    reply("c6", "a1", "PlantedGina", "https://example.org/other"),
    reply("c7", "a1", "PlantedGina", "Das ist wirklich ein schönes Bild von der alten Brücke am Morgen"),
    reply("c8", "a2", "PlantedHugo", "I could look at these colours of the sky for hours", 20),
    reply("c9", "a2", "PlantedHugo", "\U0001f600\U0001f600"),
    reply("d1", "a3", "PlantedAnna", "There is nothing better than fog on a river in the morning", 3),
    *[
        reply(f"k{i}", "a1", "PlantedIda", f"Comment number {i} about the boats in the harbour", 8 - i)
        for i in range(6)
    ],
    reply("lone", "zz", "PlantedIda", "This comment stands under a post that is not here"),
]


def video(native: str, title: str, **statistics: Any) -> dict[str, Any]:
    snippet = {
        "publishedAt": "2020-01-02T03:04:05Z",
        "channelId": "UCplanted",
        "channelTitle": "PlantedChannel",
        "title": title,
        "description": "A short film about boats.",
    }
    details = {"duration": "PT1M5S"}
    return {
        "kind": "youtube#video",
        "id": native,
        "snippet": snippet,
        "statistics": statistics,
        "contentDetails": details,
    }


def remark(native: str, text: str, author: str, likes: int) -> dict[str, Any]:
    snippet = {
        "videoId": "vid00000001",
        "textOriginal": text,
        "authorDisplayName": author,
        "authorChannelId": {"value": f"UC{author}"},
        "likeCount": likes,
        "publishedAt": "2020-01-03T00:00:00Z",
    }
    return {"kind": "youtube#comment", "id": native, "snippet": snippet}


VIDEOS = {
    "kind": "youtube#videoListResponse",
    "items": [video("vid00000001", "Boats", viewCount="1000", likeCount="90")],
}
THREADS = {
    "kind": "youtube#commentThreadListResponse",
    "items": [
        {
            "kind": "youtube#commentThread",
            "id": "Ug1",
            "snippet": {
                "videoId": "vid00000001",
                "topLevelComment": remark("Ug1", "The boats in this film are so beautiful", "PlantedJohn", 4),
            },
            "replies": {"comments": [remark("Ug1.r1", "I agree with every word of this", "PlantedKate", 6)]},
        }
    ],
}


def picture(native: str, title: str, likes: int, author: str, url: str) -> dict[str, Any]:
    media = [{"kind": "image", "url": url}]
    return {"post_id": f"forum:{native}", "title": title, "likes": likes, "author": author, "media": media}


def answer(native: str, post: str, text: str, likes: int) -> dict[str, Any]:
    ids = {"comment_id": f"forum:{native}", "post_id": f"forum:{post}"}
    return {**ids, "text": text, "likes": likes, "author": "PlantedNora"}


POSTS = [
    picture("1", "Sunset", 4, "PlantedLena", "sunset.png"),
    picture("2", "Mirror", 9, "PlantedMona", "copy.png"),
    picture("3", "Missing", 1, "PlantedMona", "no.png"),
    answer("m1", "1", "Such warm colours over the dark water", 2),
    answer("m2", "2", "I have seen this picture somewhere before", 5),
]


def write_dumps(folder: Path) -> list[str]:
    """Write the dumps and the pictures; the inputs as a user would name them."""
    write_lines(folder / "RS_2020-01", SUBMISSIONS)
    write_lines(folder / "RC_2020-01", COMMENTS)
    (folder / "videos.json").write_text(json.dumps(VIDEOS, indent=1))
    (folder / "threads.json").write_text(json.dumps(THREADS, indent=1))
    write_lines(folder / "forum" / "posts.jsonl", POSTS)
    picture = Image.new("RGB", (96, 64), (250, 120, 20))
    ImageDraw.Draw(picture).ellipse((30, 20, 70, 60), fill=(10, 10, 90))
    for name in ("sunset.png", "copy.png"):
        picture.save(folder / "forum" / name)
    return [
        f"reddit:{folder}/R[SC]_*",
        f"youtube:{folder}/videos.json",
        f"youtube:{folder}/threads.json",
        f"jsonl:{folder}/forum/posts.jsonl",
    ]


def make_lake(folder: Path) -> Path:
    """A lake with all stages done, one command after the other."""
    lake = folder / "lake"
    postlake("ingest", *write_dumps(folder / "raw"), "--lake", lake)
    postlake("media", "--lake", lake, "--root", folder / "raw" / "forum")
    postlake("dedup", "--lake", lake)
    postlake("clean", "--lake", lake)
    postlake("samples", "--lake", lake, "--set", "samples.pictures.required=false")
    return lake
