"""All stages on dumps written by hand: every row's fate is the one foretold, and every sum closes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.ray_jobs.front import ledgers, postlake, rows, write_lines
from tests.ray_jobs.handmade import BRIDGE, COMMENTS, POSTS, SUBMISSIONS, make_lake, write_dumps
from tests.ray_jobs.plain_bytes import readable

NUM_POSTS = len(SUBMISSIONS) + 1 + 3
NUM_COMMENTS = len(COMMENTS) + 2 + 2


def test_the_ledgers_follow_from_each_other(handmade: Path) -> None:
    tables = ledgers(handmade)
    assert tables["posts"]["rows_in"] == NUM_POSTS
    assert tables["posts"]["rejected"] == {"superseded": 1}
    assert tables["comments"]["rows_in"] == tables["comments"]["accepted"] == NUM_COMMENTS
    duplicates, clean, samples = (tables[name] for name in ("duplicates", "clean_comments", "samples"))
    assert duplicates["rows_in"] == duplicates["accepted"] == tables["posts"]["accepted"]
    assert clean["rows_in"] == tables["comments"]["accepted"]
    (clusters,) = rows(handmade, "SELECT count(DISTINCT canonical_id) AS n FROM duplicates")
    assert samples["rows_in"] == clusters["n"] == NUM_POSTS - 3
    (urls,) = rows(handmade, "SELECT count(DISTINCT m.url) AS n FROM (SELECT unnest(media) AS m FROM posts)")
    assert tables["fetches"]["rows_in"] == tables["fetches"]["accepted"] == urls["n"]
    for name in ("media", "keyframes", "authors", "quarantine"):
        assert tables[name]["rows_in"] == tables[name]["accepted"], name


def test_copies_are_found_and_the_most_liked_stands_for_all(handmade: Path) -> None:
    found = rows(handmade, "SELECT post_id, canonical_id, evidence, witness FROM duplicates WHERE evidence IS NOT NULL")
    assert sorted(tuple(row.values()) for row in found) == [
        ("forum:1", "forum:2", "bytes", "forum:2"),
        ("reddit:a2", "reddit:a1", "url", "reddit:a1"),
    ]
    alone = rows(handmade, "SELECT canonical_id, witness FROM duplicates WHERE evidence IS NULL")
    assert len(alone) == NUM_POSTS - 3
    assert all(row["witness"] is None for row in alone)


def test_the_comments_of_copies_gather_under_the_canonical_post(handmade: Path) -> None:
    sql = "SELECT comment_id, post_id, canonical_id, rank FROM clean_comments ORDER BY canonical_id, rank"
    kept = [tuple(row.values()) for row in rows(handmade, sql)]
    a1 = [row for row in kept if row[2] == "reddit:a1"]
    assert a1 == [
        ("reddit:c8", "reddit:a2", "reddit:a1", 1),
        ("reddit:c1", "reddit:a1", "reddit:a1", 2),
        ("reddit:k0", "reddit:a1", "reddit:a1", 3),
        ("reddit:k1", "reddit:a1", "reddit:a1", 4),
        ("reddit:k2", "reddit:a1", "reddit:a1", 5),
    ]
    assert [row[:2] for row in kept if row[2] == "forum:2"] == [("forum:m2", "forum:2"), ("forum:m1", "forum:1")]
    assert [row[0] for row in kept if row[2] == "youtube:vid00000001"] == ["youtube:Ug1.r1", "youtube:Ug1"]
    assert not [row for row in kept if row[2] == "reddit:a2"]


@pytest.mark.parametrize(
    ("comment", "reason"),
    [
        ("c2", "removed"),
        ("c3", "removed"),
        ("c4", "too_short"),
        ("c5", "bot"),
        ("c6", "links_only"),
        ("c7", "not_language"),
        ("c9", "emoji_only"),
        ("k3", "beyond_top_k"),
        ("k5", "beyond_top_k"),
    ],
)
def test_every_comment_that_is_not_kept_says_why(handmade: Path, comment: str, reason: str) -> None:
    events = postlake("explain", handmade, f"reddit:{comment}", "--json").value["events"]
    assert [event["table"] for event in events] == ["comments", "clean_comments"]
    assert [event.get("reason") for event in events] == [None, reason]


def test_what_the_dumps_say_is_in_the_tables(handmade: Path) -> None:
    posts = {row["post_id"]: row for row in rows(handmade, "SELECT * FROM posts")}
    first = posts["reddit:a1"]
    assert (first["likes"], first["title"], first["community"]) == (60, "Harbour", "pics")
    assert first["retrieved_at"] == "2020-01-01T00:15:00Z"
    boats = posts["youtube:vid00000001"]
    assert (boats["views"], boats["likes"], boats["duration_seconds"]) == (1000, 90, 65.0)
    assert boats["num_comments"] is None
    assert posts["reddit:a4"]["removed"] is True
    assert posts["reddit:a4"]["text"] is None
    assert posts["reddit:a3"]["text"] == BRIDGE
    assert posts["reddit:a7"]["community"] is posts["reddit:a7"]["permalink"] is None
    assert posts["reddit:a8"]["author_kind"] == "deleted"


def test_samples_hold_what_was_posted_and_what_people_did(handmade: Path) -> None:
    samples = {row["post_id"]: row for row in rows(handmade, "SELECT * FROM samples")}
    assert set(samples) == {"forum:2", "forum:3", "reddit:a1", "reddit:a3", "reddit:a7", "youtube:vid00000001"}
    shown = _content(samples["forum:2"])
    (medium,) = rows(handmade, "SELECT media_id FROM media")
    assert [part["media_id"] for part in shown if part["type"] == "image"] == [medium["media_id"]]
    answer = _answer(samples["reddit:a1"])
    places = [answer.index(text) for text in ("colours of the sky", "lovely evening", "Comment number 0", "number 2")]
    assert places == sorted(places)
    assert "number 3" not in answer
    assert "9" in _answer(samples["youtube:vid00000001"])  # 90 likes of 1000 views
    everything = json.dumps(list(samples.values()))
    for never in ("nice one", "Brücke", "I am a bot", "example.org/other"):
        assert never not in everything


def _content(sample: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for message in sample["messages"] for part in message["content"]]


def _answer(sample: dict[str, Any]) -> str:
    last = sample["messages"][-1]
    assert last["role"] == "assistant"
    return "".join(part["text"] for part in last["content"] if part["type"] == "text")


def test_no_name_is_anywhere_in_the_lake(handmade: Path) -> None:
    files = list(readable(handmade))
    assert len(files) > 30
    # What is in the lake is found by such a search.
    assert any(b"colours of the sky" in data for _, data in files)
    for path, data in files:
        assert b"planteda" not in data.lower(), path
        for name in _names():
            assert name.lower().encode() not in data.lower(), path
    tokens = rows(handmade, "SELECT id, token FROM authors")
    by_id = {row["id"]: row["token"] for row in tokens}
    assert by_id["reddit:a1"] == by_id["reddit:a7"] == by_id["reddit:d1"] is not None
    assert by_id["reddit:a1"] != by_id["reddit:a2"]
    assert by_id["reddit:c2"] is None
    unkeyed = hashlib.sha256(b"reddit:PlantedAnna").hexdigest()
    assert all(row["token"] is None or not unkeyed.startswith(row["token"]) for row in tokens)


def _names() -> Iterator[str]:
    for record in (*SUBMISSIONS, *COMMENTS, *POSTS):
        if str(record["author"]).startswith("Planted"):
            yield str(record["author"])
    yield from ("PlantedJohn", "PlantedKate", "PlantedChannel")


def test_no_cluster_and_no_poster_crosses_the_splits(tmp_path: Path) -> None:
    posts = [
        {"post_id": f"forum:{i}", "title": f"Thing {i % 150}", "likes": i, "author": f"Planted{i % 40}"}
        for i in range(300)
    ]
    path = write_lines(tmp_path / "posts.jsonl", posts)
    lake = tmp_path / "lake"
    postlake("ingest", f"jsonl:{path}", "--lake", lake)
    for stage in ("dedup", "clean"):
        postlake(stage, "--lake", lake)
    thirds = ("train=0.34", "val=0.33", "test=0.33")
    split = [word for third in thirds for word in ("--set", f"samples.split.{third}")]
    postlake("samples", "--lake", lake, "--set", "samples.pictures.required=false", *split)
    sql = "SELECT p.author_bucket AS b, split FROM samples JOIN posts p USING (post_id)"
    splits: dict[int, set[str]] = {}
    for row in rows(lake, sql):
        splits.setdefault(row["b"], set()).add(row["split"])
    assert len(splits) > 30
    assert all(len(found) == 1 for found in splits.values())
    assert {name for found in splits.values() for name in found} == {"train", "val", "test"}
    assert ledgers(lake)["samples"]["rows_in"] == 150
    (twice,) = rows(
        lake, "SELECT count(*) AS n FROM samples JOIN duplicates USING (post_id) WHERE post_id != canonical_id"
    )
    assert twice["n"] == 0


def test_a_new_copy_changes_only_what_it_must(tmp_path: Path) -> None:
    lake = make_lake(tmp_path)
    before = ledgers(lake)
    late = {"post_id": "forum:4", "title": "Late", "likes": 50, "media": [{"kind": "image", "url": "copy.png"}]}
    path = write_lines(tmp_path / "raw" / "forum" / "late.jsonl", [late])
    postlake("ingest", f"jsonl:{path}", "--lake", lake)
    postlake("media", "--lake", lake, "--root", tmp_path / "raw" / "forum")
    for stage in ("dedup", "clean"):
        postlake(stage, "--lake", lake)
    after = ledgers(lake)
    assert after["posts"]["rows_in"] == before["posts"]["rows_in"] + 1
    assert after["comments"]["digest"] == before["comments"]["digest"]
    assert after["media"]["digest"] == before["media"]["digest"]
    moved = rows(lake, "SELECT comment_id FROM clean_comments WHERE canonical_id = 'forum:4' ORDER BY rank")
    assert [row["comment_id"] for row in moved] == ["forum:m2", "forum:m1"]
    assert ledgers(lake)["samples"] == before["samples"]
    assert postlake("inspect", lake, "--json").value["version"] > 5


def test_media_that_come_later_are_found(tmp_path: Path) -> None:
    lake, forum = make_lake(tmp_path), tmp_path / "raw" / "forum"
    Image.linear_gradient("L").save(forum / "no.png")
    postlake("media", "--lake", lake, "--root", forum)
    found = {row["url"]: row["outcome"] for row in rows(lake, "SELECT url, outcome FROM fetches")}
    assert found["no.png"] == found["copy.png"] == "ok"
    assert ledgers(lake)["media"]["accepted"] == 2
    (forum / "no.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    postlake("media", "--lake", lake, "--root", forum)
    outcomes = postlake("inspect", lake, "fetches", "--json").value["manifest"]["notes"]["outcomes"]
    assert outcomes["ok"] == 2
    assert sum(outcomes.values()) == 4
    assert ledgers(lake)["media"]["accepted"] == 1


def test_the_same_dumps_give_the_same_bytes(tmp_path: Path, handmade: Path) -> None:
    again = make_lake(tmp_path)
    first, second = ledgers(handmade), ledgers(again)
    assert first.keys() == second.keys()
    # The tokens of authors are keyed, and every lake has its own key.
    assert {name for name in first if first[name]["digest"] != second[name]["digest"]} == {"authors"}


def test_one_run_over_everything_equals_the_stages_one_by_one(tmp_path: Path, handmade: Path) -> None:
    inputs = write_dumps(tmp_path / "raw")
    config = tmp_path / "my.toml"
    config.write_text(
        f"[lake]\nbuckets = 2\n[ingest]\ninputs = {json.dumps(inputs)}\n"
        f"[media]\nroots = [{json.dumps(str(tmp_path / 'raw' / 'forum'))}]\n"
        "[dedup]\n[clean]\n[samples.pictures]\nrequired = false\n"
    )
    lake = tmp_path / "lake"
    made = postlake("run", "--config", config, "--lake", lake, "--json").value
    assert made["version"] == 1
    theirs = ledgers(handmade)
    assert {name for name in theirs if theirs[name]["digest"] != made["tables"][name]["digest"]} == {"authors"}
