"""Reddit dumps and listings beyond the golden file: damage, limits, and that batches do not matter."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
from datetime import datetime
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.sources import Origin, Reddit
from pipelines.sources.authors import bucket, token
from pipelines.sources.reddit_ids import base36
from pipelines.sources.reddit_media import link_kind
from pipelines.sources.reddit_rows import names_profile


def comment(n: int, **more: Any) -> dict[str, Any]:
    return {"id": f"c{n}", "link_id": "t3_p", "body": f"text {n}", "author": f"user{n % 3}", "score": n} | more


def lines(*records: Any) -> bytes:
    return b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)


GARBAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["[deleted]", "t3_p", "t1_q", "1500000000", "12", [], {}, [1], {"a": 1}, 1.5e9, 2**70, "u_x"]),
)
FIELDS = """
    id name link_id parent_id title body selftext author author_fullname score score_hidden created_utc retrieved_on
    _meta replies kind data media preview gallery_data media_metadata url permalink over_18 num_comments upvote_ratio
    crosspost_parent_list is_submitter subreddit subreddit_type
"""
RECORD = st.dictionaries(st.sampled_from(FIELDS.split()), GARBAGE, max_size=8)
LINE = st.one_of(
    RECORD.map(lambda r: {"id": "a", "link_id": "t3_p", "body": "b"} | r),
    RECORD.map(lambda r: {"id": "a", "title": "t"} | r),
    RECORD,
    st.just(comment(1)),
).map(lambda r: json.dumps(r).encode())


@given(found=st.lists(st.one_of(LINE, st.binary(max_size=12)), max_size=8))
@settings(max_examples=120, deadline=None)
def test_a_block_gives_what_its_lines_give_alone(join_all: Any, found: list[bytes]) -> None:
    found = [line.replace(b"\n", b"") for line in found]
    source = Reddit()

    def read(data: bytes, offset: int) -> Any:
        place = Origin("f" * 64, "test", offset=offset, is_chunk=True, default_table="comments")
        batches = list(source.read(io.BytesIO(data), place, b"k"))
        return join_all(batches) if batches else None

    data = b"".join(line + b"\n" for line in found)
    whole = read(data, 1000)
    at, parts = 1000, []
    for line in found:
        parts.append(read(line + b"\n", at))
        at += len(line) + 1
    parts = [part for part in parts if part is not None]
    for name in ("posts", "comments", "quarantine"):
        alone = [row for part in parts for row in getattr(part, name).to_pylist()]
        assert (getattr(whole, name).to_pylist() if whole else []) == alone
    assert (len(whole.authors) if whole else 0) == sum(len(part.authors) for part in parts)


def test_a_listing_over_several_lines(read_all: Any) -> None:
    nested = {
        "kind": "Listing",
        "data": {"children": [{"kind": "t1", "data": comment(2)}, {"kind": "more", "data": {}}]},
    }
    top = {"kind": "t1", "data": comment(1, replies=nested)}
    post = {"kind": "t3", "data": {"id": "p", "title": "P", "crosspost_parent_list": [{"id": "q", "title": "Q"}]}}
    document = [
        {"kind": "Listing", "data": {"children": [post]}},
        {"kind": "Listing", "data": {"children": [top]}},
    ]
    data = json.dumps(document, indent=2).encode()
    got = read_all(Reddit(), data)
    assert got.records == {"posts": 1, "comments": 2}
    assert got.comments["comment_id"].to_pylist() == ["reddit:c1", "reddit:c2"]
    for table in (got.posts, got.comments):
        assert all(data[at : at + 1] == b"{" for at in table["source_offset"].to_pylist())
    one_line = read_all(Reddit(), json.dumps(document).encode())
    assert one_line.comments.drop_columns("source_offset").equals(got.comments.drop_columns("source_offset"))


def test_a_bare_comment_line_with_replies(read_all: Any) -> None:
    replies = {"kind": "Listing", "data": {"children": [{"kind": "t1", "data": comment(2)}]}}
    got = read_all(Reddit(), lines(comment(0), comment(1, replies=replies), comment(3, replies="")))
    assert got.comments["likes"].to_pylist() == [0, 1, 2, 3]
    assert got.records == {"posts": 0, "comments": 4}


def test_an_empty_listing_holds_nothing_and_is_no_fault(read_all: Any) -> None:
    got = read_all(Reddit(), b'{"kind": "Listing", "data": {"children": []}}')
    assert (got.problem, got.records) == (None, {"posts": 0, "comments": 0})


@pytest.mark.parametrize("tail", [b"", b'{"id":"half","li'])
def test_a_truncated_dump_keeps_what_stands_before(read_all: Any, tail: bytes) -> None:
    data = lines(*(comment(n) for n in range(50)))
    writer = zstandard.ZstdCompressor().compressobj()
    packed = writer.compress(data + tail) + writer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    got = read_all(Reddit(), packed)
    assert got.comments["likes"].to_pylist() == list(range(50))
    (loss,) = got.quarantine.to_pylist()
    assert (loss["table"], loss["offset"], loss["length"], loss["sha256"]) == ("comments", len(data), None, None)
    assert got.problem == loss["error"] == "truncated zstd stream: it ends inside a frame"


def test_an_over_long_record_is_skipped(read_all: Any) -> None:
    long = json.dumps(comment(1, body="x" * 5000)).encode()
    data = lines(comment(0), long, comment(2))
    got = read_all(Reddit(max_record_bytes=1024, keep_raw=True), data)
    assert got.comments["likes"].to_pylist() == [0, 2]
    (lost,) = got.quarantine.to_pylist()
    assert lost["error"] == f"record: expected at most 1024 bytes, got {len(long)}"
    assert (lost["offset"], lost["length"]) == (data.index(long), len(long))
    assert lost["sha256"] == hashlib.sha256(long).hexdigest()
    assert lost["raw"] is None


def test_raw_bytes_are_kept_on_demand(read_all: Any) -> None:
    data = lines(comment(0), b"not json", comment(1, score={}))
    assert read_all(Reddit(), data).quarantine["raw"].to_pylist() == [None, None]
    kept = read_all(Reddit(keep_raw=True), data).quarantine["raw"].to_pylist()
    assert kept[0] == b"not json"
    assert b'"c1"' in kept[1]


def test_a_broken_first_line_does_not_hide_the_rest(read_all: Any) -> None:
    for first in (b'{"id": "cut', b"\0\0\0\0", b"garbage"):
        got = read_all(Reddit(), lines(first, comment(1), comment(2)))
        assert (got.records, len(got.comments)) == ({"posts": 0, "comments": 3}, 2)


def test_the_files_date_stands_in_for_a_missing_one(read_all: Any, noon: datetime) -> None:
    data = lines(
        comment(0), comment(1, retrieved_on=1_500_000_000), comment(2, _meta={"retrieved_2nd_on": 1_600_000_000})
    )
    got = read_all(Reddit(), data, retrieved_at=noon).comments["retrieved_at"].to_pylist()
    assert [int(moment.timestamp()) for moment in got] == [int(noon.timestamp()), 1_500_000_000, 1_600_000_000]


def test_authors(read_all: Any, key: bytes) -> None:
    data = lines(
        comment(0), comment(1, author="[deleted]"), comment(2, author_fullname="t2_x"), {"id": "n", "link_id": "t3_p"}
    )
    got = read_all(Reddit(), data)
    assert got.authors.to_pylist() == [
        {"id": "reddit:c0", "token": token(key, "reddit:user0")},
        {"id": "reddit:c1", "token": None},
        {"id": "reddit:c2", "token": token(key, "reddit:t2_x")},
    ]
    assert got.comments["author_kind"].to_pylist() == ["person", "deleted", "person", None]


def test_no_user_name_enters(read_all: Any) -> None:
    post = {
        "id": "p",
        "title": "T",
        "author": "SecretName",
        "subreddit": "u_SecretName",
        "url": "https://www.reddit.com/user/SecretName/comments/p/t/",
        "permalink": "/user/SecretName/comments/p/t/",
    }
    shared = {**post, "id": "s", "subreddit": "pics", "url": "/r/u_SecretName/comments/p/t/", "permalink": "/r/pics/s"}
    got = read_all(Reddit(), lines(post, shared))
    assert len(got.posts) == 2
    for table in (got.posts, got.authors, got.quarantine):
        assert "secretname" not in str(table.to_pylist()).lower()
    assert got.posts["permalink"].to_pylist() == [None, "https://www.reddit.com/r/pics/s"]


def test_ids() -> None:
    rng = random.Random(1)
    for number in [0, 35, 36, *(rng.randrange(1 << 60) for _ in range(200))]:
        assert int(base36(number), 36) == number
    assert names_profile("https://old.reddit.com/u/x")
    assert not names_profile("https://example.com/u/x")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://i.redd.it/a.png", "image"),
        ("https://i.imgur.com/abc", "image"),
        ("http://example.com/a.JPG?x=1", "image"),
        ("https://i.imgur.com/a.gifv", "video"),
        ("https://v.redd.it/abc", "video"),
        ("https://www.youtube.com/watch?v=x", "video"),
        ("https://m.youtube.com/shorts/x", "video"),
        ("https://www.youtube.com/channel/x", None),
        ("https://youtu.be/x", "video"),
        ("https://example.com/a.mp3", "audio"),
        ("https://example.com/article", None),
        ("ftp://example.com/a.png", None),
        ("http://[bad", None),
        ("", None),
    ],
)
def test_kinds_of_links(url: str, kind: str | None) -> None:
    assert link_kind(url) == kind


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="bots"):
        Reddit(bots=("x",))  # type: ignore[call-arg]
    assert Reddit(listed_bots=["MyHelper"]).listed_bots == ("MyHelper",)  # type: ignore[arg-type]


def test_an_envelope_of_another_kind_is_one_lost_record(read_all: Any) -> None:
    odd = {"kind": "foo", "data": {"id": "x"}}
    more = {"kind": "more", "data": {"children": ["a"]}}
    listing = {"kind": "Listing", "data": {"children": [odd, more, {"kind": "t1", "data": comment(2)}]}}
    data = lines(comment(0), odd, more, listing)
    got = read_all(Reddit(), data)
    assert got.records == {"posts": 0, "comments": 4}
    assert got.quarantine["error"].to_pylist() == ["kind: expected Listing, t1, t3 or more, got 'foo'"] * 2
    assert [data[at : at + 14] for at in got.quarantine["offset"].to_pylist()] == [b'{"kind": "foo"'] * 2
    assert read_all(Reddit(), lines(odd, odd)).problem is not None
    assert read_all(Reddit(), lines({"kind": "k" * 5000, "data": {}}, comment(1))).quarantine.nbytes < 1000


def test_one_person_has_one_bucket_in_old_and_new_dumps(read_all: Any) -> None:
    old = {"id": "a", "title": "T", "author": "SomeOne"}
    got = read_all(Reddit(), lines(old, {**old, "id": "b", "author_fullname": "t2_x"}, {**old, "author": "[deleted]"}))
    first, second, deleted = got.posts["author_bucket"].to_pylist()
    assert first == second == bucket("reddit:someone")
    assert deleted is None
    assert len(set(got.authors["token"].to_pylist())) == 3


def test_errors_hold_nothing_of_the_author(read_all: Any) -> None:
    got = read_all(Reddit(), lines(comment(0), comment(1, author=1234567890123), comment(2, author_fullname=[7654321])))
    assert len(got.quarantine) == 2
    assert not re.search("1234567|7654321", str(got.quarantine["error"].to_pylist()))
