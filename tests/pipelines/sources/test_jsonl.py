"""jsonl beyond the golden file: paths of media, authors, times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.sources import Jsonl


def post(**more: Any) -> bytes:
    return json.dumps({"post_id": "x:1", **more}).encode() + b"\n"


@pytest.mark.parametrize(
    ("url", "root", "stored"),
    [
        ("a/b.jpg", None, "a/b.jpg"),
        ("./a.jpg", None, "a.jpg"),
        ("/data/media/a.jpg", "/data/media", "a.jpg"),
        ("https://h/a.jpg", None, "https://h/a.jpg"),
        ("/data/media/../secret", "/data/media", None),
        ("/data/mediax/a.jpg", "/data/media", None),
        ("/data/media/a.jpg", None, None),
        ("a/../../b", None, None),
        ("..\\b", None, None),
        ("a\0b", None, None),
        ("s3://bucket/a", None, None),
        (".", None, None),
    ],
)
def test_media_stay_inside_the_root(read_all: Any, url: str, root: str | None, stored: str | None) -> None:
    got = read_all(Jsonl(media_root=root), post(media=[{"kind": "image", "url": url}]))
    if stored is None:
        assert len(got.posts) == 0
        assert got.quarantine["error"].to_pylist()[0].startswith("media[0].url: expected")
    else:
        assert got.posts["media"].to_pylist() == [[{"kind": "image", "url": stored}]]


def test_every_column_can_be_given(read_all: Any) -> None:
    from schemas import POSTS

    row = {
        "platform": "x", "community": "c", "channel_id": "ch", "category": "cat", "tags": ["t"],
        "created_at": "2024-01-01T00:00:00Z", "retrieved_at": 1704067200, "title": "T", "text": "B", "url": "https://u",
        "permalink": "https://p", "nsfw": False, "removed": False, "media": [{"kind": "audio", "url": "a.mp3"}],
        "duration_seconds": 1.5, "transcript": "said", "likes": "-3", "upvote_ratio": 0.5, "views": 7,
        "num_comments": 8, "audience_size": 9, "replay": [0.0, 1.0], "author": "name",
    }  # fmt: skip
    (got,) = read_all(Jsonl(), post(**row)).posts.to_pylist()
    assert set(POSTS.schema.names) == {name for name, value in got.items() if value is not None}
    assert got["created_at"] == got["retrieved_at"]
    assert got["likes"] == -3


def test_blank_lines_are_no_records(read_all: Any) -> None:
    got = read_all(Jsonl(), b"\n" + post() + b"\r\n  \n" + post(title="t"))
    assert got.records == {"posts": 2, "comments": 0}


def test_errors_hold_nothing_of_the_author_and_stay_short(read_all: Any) -> None:
    lines = [post(author=1234567890123), post(author_id=["x"]), post(**{"n" * 5_000_000: 1}), post(author_id=1.5)]
    errors = read_all(Jsonl(), post() + b"".join(lines)).quarantine["error"].to_pylist()
    assert errors[0] == "author: expected a string, got a number"
    assert errors[1] == "author_id: expected a string, got an array"
    assert errors[2].startswith("nnn")
    assert errors[3] == "author_id: expected a string, got a number"
    assert max(map(len, errors)) < 120


def test_a_field_name_that_is_no_unicode_is_one_lost_record(read_all: Any) -> None:
    got = read_all(Jsonl(), post() + b'{"post_id": "x:2", "\\ud800": 1}\n')
    assert (len(got.posts), len(got.quarantine)) == (1, 1)
