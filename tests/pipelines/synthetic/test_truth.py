"""truth.parquet: every planted fact must be found in the dumps and files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pipelines.synthetic.conftest import World, lines_of, parsed


@pytest.fixture(scope="module")
def bodies(world: World) -> dict[str, str]:
    """The text of every comment, by `<platform>:<id>`."""
    found = {f"reddit:{record['id']}": record["body"] for _, record in world.reddit("RC")}
    for _, response in world.responses("commentThreads"):
        for thread in response["items"]:
            for comment in [thread["snippet"]["topLevelComment"], *thread.get("replies", {}).get("comments", [])]:
                found[f"youtube:{comment['id']}"] = comment["snippet"]["textOriginal"]
    for path in (world.out / "youtube").glob("*.info.json"):
        for comment in json.loads(path.read_text())["comments"]:
            found[f"youtube:{comment['id']}"] = comment["text"]
    return found


@pytest.fixture(scope="module")
def observations(world: World) -> dict[str, list[dict[str, Any]]]:
    """All observations of every Reddit post."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _, record in world.reddit("RS"):
        found.setdefault(f"reddit:{record['id']}", []).append(record)
    return found


def test_every_kind_is_planted_and_counted(world: World) -> None:
    kinds = {fact["kind"] for fact in world.facts()}
    comments = {"toxic", "foreign", "bot", "spam", "deleted", "removed", "short", "links_only", "near_copy"}
    files = {"corrupt_line", "truncated_file", "broken_media"}
    copies = {f"copy_{name}" for name in ("same_url", "same_text", "edited_text", "crosspost", "mirror_link")}
    copies |= {f"copy_image_{name}" for name in ("same_bytes", "reencoded", "resized", "cropped")}
    copies |= {"copy_mirror_same_bytes", "copy_mirror_reencoded", "copy_reupload_resized"}
    assert kinds == comments | files | copies | {"seen_twice", "post_deleted", "post_removed"}
    assert world.summary.planted == {kind: len(world.facts(kind)) for kind in sorted(kinds)}


def test_facts_are_about_comments_and_posts_that_exist(world: World, bodies: dict[str, str]) -> None:
    posts = {row["post_id"] for row in world.shown()}
    for fact in world.facts():
        assert fact["post_id"] is None or fact["post_id"] in posts
        assert fact["comment_id"] is None or fact["comment_id"] in bodies
        assert fact["of"] is None or fact["of"] in (bodies if fact["comment_id"] else posts)
    assert world.summary.comments == len(bodies)


def test_planted_comments_are_what_they_are_said_to_be(world: World, bodies: dict[str, str]) -> None:
    assert {bodies[fact["comment_id"]] for fact in world.facts("deleted")} == {"[deleted]"}
    assert {bodies[fact["comment_id"]] for fact in world.facts("removed")} == {"[removed]"}
    assert all(len(bodies[fact["comment_id"]].split()) < 3 for fact in world.facts("short"))
    assert all(word.startswith("http") for f in world.facts("links_only") for word in bodies[f["comment_id"]].split())
    for fact in world.facts("near_copy"):
        copy, original = bodies[fact["comment_id"]], bodies[fact["of"]]
        assert copy != original
        assert copy.rstrip("!.") == original.rstrip("!.")
    languages = {json.loads(fact["parameters"])["language"] for fact in world.facts("foreign")}
    assert languages == {"es", "fr", "de", "pt", "it", "ru", "ja"}
    planted = {fact["comment_id"] for fact in world.facts()}
    plain = [body for comment, body in bodies.items() if comment not in planted]
    assert len(plain) > 0.7 * len(bodies)
    assert all(body.isascii() and len(body.split()) > 2 for body in plain)


def test_bots_are_told_by_name(world: World) -> None:
    authors = {f"reddit:{record['id']}": record["author"] for _, record in world.reddit("RC")}
    bots = {fact["comment_id"] for fact in world.facts("bot")}
    named = {comment for comment, name in authors.items() if name == "AutoModerator" or name.lower().endswith("bot")}
    assert bots == named


def test_later_observations_have_more_likes(world: World, observations: dict[str, list[dict[str, Any]]]) -> None:
    facts = {fact["post_id"]: json.loads(fact["parameters"]) for fact in world.facts("seen_twice")}
    twice = {post for post, seen in observations.items() if len(seen) > 1}
    assert twice == {post for post in facts if post.startswith("reddit:")}
    for post in twice:
        older, newer = sorted(observations[post], key=lambda record: int(record["retrieved_on"]))
        assert (older["score"], newer["score"]) == (facts[post]["old_likes"], facts[post]["new_likes"])
        assert older["score"] < newer["score"]
        assert older["url"] == newer["url"]


def test_copies_of_text_and_link_share_them(world: World, observations: dict[str, list[dict[str, Any]]]) -> None:
    def seen(post: str) -> dict[str, Any]:
        return observations[post][0]

    for fact in world.facts("copy_same_text"):
        copy, original = seen(fact["post_id"]), seen(fact["of"])
        assert (copy["title"], copy["selftext"]) == (original["title"], original["selftext"])
    for fact in world.facts("copy_edited_text"):
        edited, source = (set(seen(fact[name])["selftext"].split()) for name in ("post_id", "of"))
        assert 0.85 < len(edited & source) / len(edited | source) < 1
    for kind in ("copy_same_url", "copy_crosspost"):
        assert all(seen(fact["post_id"])["url"] == seen(fact["of"])["url"] for fact in world.facts(kind))
    for fact in world.facts("copy_mirror_link"):
        assert seen(fact["post_id"])["url"].endswith(fact["of"].removeprefix("youtube:"))


def test_clusters_are_exactly_the_planted_copies(world: World) -> None:
    of = {fact["post_id"]: fact["of"] for fact in world.facts() if fact["kind"].startswith("copy_")}
    for row in world.shown():
        assert row["cluster"] == of.get(row["post_id"], row["post_id"])
        assert (row["copy"] is None) == (row["post_id"] not in of)
    texts = [
        row["title"] + row["selftext"]
        for _, row in world.reddit("RS")
        if row["is_self"] and row["author"] != "[deleted]"
    ]
    same = world.summary.planted["copy_same_text"]
    assert len(texts) - len(set(texts)) <= same + world.summary.planted["seen_twice"]


def test_damage_lies_where_the_truth_says(world: World) -> None:
    for fact in world.facts("corrupt_line"):
        where = json.loads(fact["parameters"])
        lines = lines_of(world.out / fact["file"])
        bad = lines[where["line"]]
        assert not isinstance(parsed(bad), dict)
        assert where["offset"] == sum(len(line) + 1 for line in lines[: where["line"]])
        assert where["length"] == len(bad)
    (fact,) = world.facts("truncated_file")
    where = json.loads(fact["parameters"])
    assert fact["file"] in world.summary.bad_files
    assert 0 < where["readable"] == len(lines_of(world.out / fact["file"])) < where["written"]
