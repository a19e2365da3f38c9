"""Samples of a bucket: every canonical post is a sample or has its reason, and the answer is the sum of its pieces."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipelines.samples import SamplesRecipe, build
from pipelines.step import REASON, STEP, split_verdicts
from schemas import CLEAN_COMMENTS, DUPLICATES, KEYFRAMES, POSTS, SAMPLES
from schemas.contract import conform

SOURCE = {"source_file": "f", "source_offset": 0}
MEDIA = pa.schema(
    [
        ("post_id", pa.string()),
        ("position", pa.int32()),
        ("url", pa.string()),
        ("media_id", pa.string()),
        ("kind", pa.string()),
    ]
)
VIDEO = {
    "post_id": "youtube:v", "platform": "youtube", "title": 'A "{title}"\nin two lines',
    "transcript": "well  hello " * 400,
    "likes": 20, "views": 1000, "duration_seconds": 10.0, "replay": [i / 10 for i in range(10)], "author_bucket": 3,
}  # fmt: skip
IMAGE = {"post_id": "reddit:i", "platform": "reddit", "title": "pic", "likes": 12, "upvote_ratio": 0.9}


def jpeg(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "JPEG")
    return out.getvalue()


class Bucket:
    """The five tables of one bucket, filled by the test."""

    def __init__(self, *posts: dict[str, Any]) -> None:
        self.posts = list(posts)
        self.copies: dict[str, str] = {}
        self.comments: list[dict[str, Any]] = []
        self.media: list[dict[str, Any]] = []
        self.keyframes: list[dict[str, Any]] = []

    def shows(self, post: str, media_id: str | None, kind: str = "image", scenes: int = 1) -> Bucket:
        position = sum(m["post_id"] == post for m in self.media)
        self.media.append({"post_id": post, "position": position, "url": "u", "media_id": media_id, "kind": kind})
        for k in range(scenes):
            start, end = (0.0, 0.0) if kind == "image" else (10.0 * k / scenes, 10.0 * (k + 1) / scenes)
            row = {"media_id": media_id, "scene": k, "start": start, "end": end, "jpeg": jpeg("red")}
            if media_id and row not in self.keyframes:
                self.keyframes.append(row)
        return self

    def says(self, post: str, *texts: str) -> Bucket:
        for rank, text in enumerate(texts, start=1):
            row = {"comment_id": f"{post}/{rank}", "post_id": post, "canonical_id": post, "text": text, "rank": rank}
            self.comments.append(SOURCE | row)
        return self

    def tables(self) -> list[pa.Table]:
        clusters = {post["post_id"]: post["post_id"] for post in self.posts} | self.copies
        duplicates = [{"post_id": post, "canonical_id": canonical} for post, canonical in clusters.items()]
        return [
            conform(pa.Table.from_pylist([SOURCE | post for post in self.posts], schema=POSTS.schema), POSTS),
            conform(pa.Table.from_pylist(duplicates, schema=DUPLICATES.schema), DUPLICATES),
            conform(pa.Table.from_pylist(self.comments, schema=CLEAN_COMMENTS.schema), CLEAN_COMMENTS),
            pa.Table.from_pylist(self.media, schema=MEDIA),
            conform(pa.Table.from_pylist(self.keyframes, schema=KEYFRAMES.schema), KEYFRAMES),
        ]

    def build(self, recipe: SamplesRecipe | None = None) -> list[dict[str, Any]]:
        table = build(*self.tables(), recipe)
        assert table["post_id"].to_pylist() == [post["post_id"] for post in self.posts]
        accepted, rejected = split_verdicts(table)
        conform(accepted, SAMPLES)
        conform(rejected, SAMPLES.rejected_schema)
        return table.to_pylist()


def answer(row: dict[str, Any]) -> str:
    text = row["messages"][2]["content"][0]["text"]
    assert text == "".join(target["text"] for target in row["targets"])
    return str(text)


def test_a_video_in_full() -> None:
    (row,) = (
        Bucket(VIDEO).shows("youtube:v", "mv", "video", scenes=2).says("youtube:v", "so\n cute", 'he said "no"').build()
    )
    assert row["sample_id"] == "youtube:v#blift_v1"
    assert answer(row) == (
        "Scene 1: The foreground shows red. The background is red. The dominant tone is vivid.\n"
        "Scene 2: The foreground shows red. The background is red. The dominant tone is vivid.\n"
        ">>> BEHAVIOR <<<\n"
        "The video will be liked by 2.0% of viewers.\n"
        'The most popular comments will be:\n1. "so cute"\n2. "he said "no""\n'
        "The replay value of each scene will be:\nScene 1: 0.40\nScene 2: 0.90"
    )
    stated = [(t["kind"], t["text"], t["value"]) for t in row["targets"] if t["kind"] not in (None, "description")]
    assert stated == [
        ("likes", "The video will be liked by 2.0% of viewers.", 2.0),
        ("comment", '"so cute"', None),
        ("comment", '"he said "no""', None),
        ("replay", "0.40", 0.4),
        ("replay", "0.90", 0.9),
    ]
    system, user, _ = row["messages"]
    assert [m["role"] for m in row["messages"]] == ["system", "user", "assistant"]
    assert "video" in system["content"][0]["text"]
    text, part = user["content"]
    assert part == {"type": "video", "text": None, "media_id": "mv"}
    assert 'The title of the video is "A "{title}" in two lines".' in text["text"]
    assert text["text"].count("hello") == 150
    assert "its 2 most popular comments" in text["text"]


def test_nothing_is_asked_that_is_not_answered() -> None:
    (row,) = Bucket(IMAGE | {"likes": None}).shows("reddit:i", "m1").says("reddit:i", "a comment of three").build()
    question = row["messages"][1]["content"][0]["text"]
    assert "comments" in question
    for word in ("score", "upvotes", "replay", "audio", "percentage"):
        assert word not in question
    assert {t["kind"] for t in row["targets"]} == {"description", "comment", None}


def test_every_post_is_a_sample_or_has_a_reason() -> None:
    nothing = {"likes": None, "upvote_ratio": None}
    cases: dict[str | None, dict[str, Any]] = {
        None: {},
        "removed": {"removed": True},
        "nsfw": {"nsfw": True},
        "bot": {"author_kind": "listed_bot"},
        "deleted": {"author_kind": "deleted"},
        "too_long_video": {"duration_seconds": 500.5},
        "no_media": {},
        "no_keyframe": {},
        "no_behaviour": nothing,
    }
    bucket = Bucket(*(IMAGE | {"post_id": f"reddit:{reason}"} | change for reason, change in cases.items()))
    for reason in cases:
        missing = {"no_media": None, "no_keyframe": "broken"}.get(str(reason), "m1")
        bucket.shows(f"reddit:{reason}", missing, scenes=0 if reason == "no_keyframe" else 1)
    rows = bucket.build(SamplesRecipe.model_validate({"duration": {"max_seconds": 500}}))
    assert [row[REASON] for row in rows] == list(cases)
    for row in rows:
        assert bool(row["messages"]) is bool(row["targets"]) is (row[REASON] is None)
        assert (row[STEP] is None) is (row[REASON] is None)


def test_text_alone_where_pictures_are_not_required() -> None:
    recipe = SamplesRecipe.model_validate({"pictures": {"required": False}})
    declared = {"media": [{"kind": "video", "url": "u"}]}
    post, video = Bucket(IMAGE, VIDEO | declared).build(recipe)
    assert answer(post) == ">>> BEHAVIOR <<<\nThe post will reach a score of 12.\nThe share of upvotes will be 90%."
    assert answer(video) == ">>> BEHAVIOR <<<\nThe video will be liked by 2.0% of viewers."
    assert [len(row["messages"][1]["content"]) for row in (post, video)] == [1, 1]


def test_a_gallery_shows_its_first_images_once_each() -> None:
    bucket = Bucket(IMAGE)
    for media_id in ("z", "a", "z", None, "b", "c", "d"):
        bucket.shows("reddit:i", media_id)
    (row,) = bucket.build()
    assert [p["media_id"] for p in row["messages"][1]["content"][1:]] == ["z", "a", "b", "c"]
    assert answer(row).count("Scene") == 4


def test_a_video_goes_before_its_thumbnail() -> None:
    (row,) = Bucket(VIDEO).shows("youtube:v", "thumb").shows("youtube:v", "mv", "video").build()
    assert [(p["type"], p["media_id"]) for p in row["messages"][1]["content"][1:]] == [("video", "mv")]


def test_a_copy_lends_its_picture() -> None:
    bucket = (
        Bucket(IMAGE).shows("reddit:i", None).shows("reddit:z", "mz").shows("reddit:c", "mc").shows("other:p", "mp")
    )
    bucket.copies = {"reddit:z": "reddit:i", "reddit:c": "reddit:i", "other:p": "other:canonical"}
    (row,) = bucket.build()
    assert [p["media_id"] for p in row["messages"][1]["content"][1:]] == ["mc"]
    (row,) = bucket.shows("reddit:i", "own").build()
    assert [p["media_id"] for p in row["messages"][1]["content"][1:]] == ["own"]


def test_at_most_so_many_comments() -> None:
    bucket = Bucket(IMAGE).shows("reddit:i", "m").says("reddit:i", *(f"comment number {i}" for i in range(9)))
    assert sum(t["kind"] == "comment" for t in bucket.build()[0]["targets"]) == 5
    none = SamplesRecipe(num_comments=0)
    assert sum(t["kind"] == "comment" for t in bucket.build(none)[0]["targets"]) == 0


def test_ugly_text_comes_through_whole() -> None:
    ugly = [
        "\x00 {title} {number}",
        "\u202eright to left",
        "😍" * 50,
        "x" * 10_000,
        "\\1 %s $& ${1}",
        ">>> BEHAVIOR <<<",
    ]
    recipe = SamplesRecipe(num_comments=9)
    (row,) = Bucket(IMAGE | {"title": "{comment}"}).shows("reddit:i", "m").says("reddit:i", *ugly).build(recipe)
    assert [t["text"] for t in row["targets"] if t["kind"] == "comment"] == [f'"{text}"' for text in ugly]
    assert answer(row)


def test_copies_and_posters_share_a_split() -> None:
    posts = [IMAGE | {"post_id": f"reddit:{i}", "author_bucket": i % 7} for i in range(60)]
    rows = Bucket(*posts).build()
    by_poster = {(post["author_bucket"], row["split"]) for post, row in zip(posts, rows, strict=True)}
    assert len(by_poster) == 7


@pytest.mark.parametrize("seed", range(3))
def test_order_of_the_other_tables_does_not_matter(seed: int) -> None:
    bucket = Bucket(VIDEO, IMAGE).says("youtube:v", "one", "two").says("reddit:i", "three", "four")
    bucket.shows("youtube:v", "mv", "video", scenes=3).shows("reddit:i", "m2").shows("reddit:i", "m1")
    posts, *others = bucket.tables()
    rng = np.random.default_rng(seed)
    assert build(posts, *(t.take(rng.permutation(len(t))) for t in others)).equals(build(posts, *others))


def test_an_empty_bucket() -> None:
    assert Bucket().build() == []
