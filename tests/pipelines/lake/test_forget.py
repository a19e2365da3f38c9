from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import open_lake
from pipelines.lake.absence import prove, search
from pipelines.lake.buckets import bucket_of
from pipelines.lake.commit import check_key, create_or_open
from pipelines.lake.forget import WITHHELD, Wanted, find, strip
from pipelines.lake.tombstones import Graves, Tombstones, bury, obey, read_tombstones
from pipelines.lake.verify import verify
from pipelines.sources.tables import Tables
from schemas import AUTHORS, COMMENTS, POSTS, QUARANTINE, TABLES
from schemas.contract import conform
from schemas.errors import LakeError
from schemas.manifest import FORGOTTEN, Ledger, Manifest
from tests.pipelines.lake.conftest import post, write_table

KEY = b"a key of enough bytes"


def comment(native: str, on: str, **values):
    ids = {"comment_id": f"reddit:{native}", "post_id": on}
    return {**ids, "source_file": "f" * 64, "source_offset": 0, "text": f"text of {native}", **values}


def link(url: str):
    return {"kind": "image", "url": url}


@pytest.fixture
def lake(make_lake):
    """Posts reddit:0 to reddit:9; the first three show pictures, of which a and b are the same object."""
    media = [{"media_id": name * 64, "kind": "image", "mime": "image/png", "num_bytes": 1} for name in "ab"]
    draft = make_lake(
        10,
        comments=[
            comment("c1", "reddit:1", parent_id=None),
            comment("c2", "reddit:1", parent_id="reddit:c1"),
            comment("c3", "reddit:2", parent_id="reddit:c9"),
            comment("c9", "reddit:2"),
            comment("lone", "reddit:gone", parent_id="reddit:c9"),
        ],
        authors=[
            {"id": "reddit:1", "token": "t1"},
            {"id": "reddit:c3", "token": "t1"},
            {"id": "reddit:2", "token": "t2"},
        ],
        fetches=[
            {"url": "a.png", "media_id": "a" * 64, "outcome": "ok"},
            {"url": "b.png", "media_id": "a" * 64, "outcome": "ok"},
            {"url": "c.png", "media_id": "b" * 64, "outcome": "ok"},
            {"url": "d.png", "media_id": None, "outcome": "gone"},
        ],
        media=media,
    )
    shown = {0: ["a.png", "c.png"], 1: ["a.png", "b.png", "d.png"], 2: ["c.png"]}
    rows = [post(i, media=[link(url) for url in shown.get(i, [])]) for i in range(10)]
    draft.update({"posts": write_table(draft, "posts", rows)})
    draft.publish("test")
    return open_lake(draft.store.uri)


def test_a_post_drags_its_comments_its_own_links_and_their_own_objects_along(lake):
    found = find(lake, Wanted(ids=frozenset({"reddit:1"})))
    assert found.posts == {"reddit:1"}
    assert found.comments == {"reddit:1", "reddit:c1", "reddit:c2"}
    assert found.urls == {"b.png", "d.png"}
    assert found.media == frozenset()
    assert found.buckets["posts"] == {bucket_of("reddit:1", 4)}
    assert found.buckets["comments"] == {bucket_of("reddit:1", 4)}


def test_objects_go_when_their_last_link_does(lake):
    found = find(lake, Wanted(ids=frozenset({"reddit:0", "reddit:1"})))
    assert (found.urls, found.media) == ({"a.png", "b.png", "d.png"}, {"a" * 64})
    every = find(lake, Wanted(ids=frozenset(f"reddit:{n}" for n in range(3))))
    assert (every.urls, every.media) == ({"a.png", "b.png", "c.png", "d.png"}, {"a" * 64, "b" * 64})


def test_an_author_is_followed_to_posts_and_comments(lake):
    found = find(lake, Wanted(tokens=frozenset({"t1"}), authors=frozenset({"reddit:Anna"})))
    assert (found.posts, found.comments) == ({"reddit:1"}, {"reddit:c1", "reddit:c2", "reddit:c3"})
    assert "Anna" in found.names


def test_answers_under_another_post_lose_their_parent_too(lake):
    found = find(lake, Wanted(ids=frozenset({"reddit:c9"})))
    assert found.buckets["comments"] >= {bucket_of("reddit:2", 4), bucket_of("reddit:gone", 4)}
    for on, kept in (("reddit:2", ["reddit:c3"]), ("reddit:gone", ["reddit:lone"])):
        rows = strip("comments", lake.read_bucket("comments", bucket_of(on, 4)), found)
        mine = [row for row in rows.to_pylist() if row["post_id"] == on]
        assert [row["comment_id"] for row in mine] == kept
        assert [row["parent_id"] for row in mine] == [None]


def test_unreadable_pieces_lose_their_bytes_only_where_they_name_it(lake):
    found = find(lake, Wanted(ids=frozenset({"reddit:a1"}), authors=frozenset({"reddit:Anna-Lena"})))
    pieces = [b'{"id": "a1"', b'{"id": "a12"', b"xa1", b'"Anna-Lena"', b'"Anna"', None]
    rows = [
        {"table": "posts", "source_file": "f", "offset": at, "error": "id: got 'a1'" if at == 5 else "e", "raw": raw}
        for at, raw in enumerate(pieces)
    ]
    stripped = strip("quarantine", conform(pa.Table.from_pylist(rows), QUARANTINE), found)
    assert stripped["raw"].to_pylist() == [None, b'{"id": "a12"', b"xa1", None, b'"Anna"', None]
    assert stripped["error"].to_pylist() == ["e"] * 5 + [WITHHELD]
    assert stripped.schema.equals(QUARANTINE.schema)


def test_tombstones_tell_nothing_without_the_key_and_kinds_apart(lake):
    stones = bury(KEY, posts=["reddit:1", "reddit:1"], comments=["reddit:2"], authors=["t"])
    assert [len(kind) for kind in (stones.posts, stones.comments, stones.authors)] == [1, 1, 1]
    assert b"reddit" not in stones.to_json()
    mine, other = Graves(KEY, stones), Graves(b"another key of enough bytes", stones)
    assert mine.holds("post", "reddit:1")
    assert not mine.holds("comment", "reddit:1")
    assert not other.holds("post", "reddit:1")
    assert not Graves(KEY, Tombstones())
    assert read_tombstones(lake) == Tombstones()


@given(st.lists(st.sampled_from("abcde"), max_size=8), st.lists(st.sampled_from("cdefg"), max_size=8))
def test_tombstones_only_grow_in_whatever_order_they_are_laid(one, two):
    first = bury(KEY, posts=one, comments=two, authors=())
    second = bury(KEY, posts=two, comments=(), authors=one)
    both = bury(KEY, posts=[*one, *two], comments=two, authors=one)
    assert first | second == second | first == both
    assert both | first == both


def test_a_mask_finds_the_forgotten_in_any_column_and_no_null():
    graves = Graves(KEY, bury(KEY, posts=["b"], comments=(), authors=()))
    column = pa.chunked_array([["a", "b", None], ["b"], pa.array([], pa.string())])
    assert graves.mask("post", column).to_pylist() == [False, True, False, True]
    assert graves.mask("comment", column).to_pylist() == [False] * 4
    assert graves.mask("post", pa.array([], pa.string())).to_pylist() == []


def test_ingest_obeys_row_by_row():
    graves = Graves(KEY, bury(KEY, posts=["reddit:1"], comments=["reddit:c2"], authors=["t3"]))
    tables = Tables(
        posts=conform(pa.Table.from_pylist([post(i) for i in range(5)]), POSTS),
        comments=conform(
            pa.Table.from_pylist(
                [
                    comment("c1", "reddit:1"),
                    comment("c2", "reddit:2"),
                    comment("c3", "reddit:2", parent_id="reddit:c2"),
                    comment("c4", "reddit:2"),
                ]
            ),
            COMMENTS,
        ),
        authors=conform(
            pa.table(
                {
                    "id": ["reddit:0", "reddit:1", "reddit:3", "reddit:c1", "reddit:c3", "reddit:c4"],
                    "token": ["t0", "t1", "t3", "t4", None, "t3"],
                }
            ),
            AUTHORS,
        ),
        quarantine=QUARANTINE.schema.empty_table(),
        records={"posts": 5, "comments": 4},
    )
    kept, lost = obey(tables, graves)
    assert lost == {"posts": 2, "comments": 3}
    assert kept.posts["post_id"].to_pylist() == ["reddit:0", "reddit:2", "reddit:4"]
    assert [(r["comment_id"], r["parent_id"]) for r in kept.comments.to_pylist()] == [("reddit:c3", None)]
    assert kept.authors["id"].to_pylist() == ["reddit:0", "reddit:c3"]
    for name in ("posts", "comments", "authors"):
        assert getattr(kept, name).schema.equals(TABLES[name].schema)


def test_the_search_looks_into_every_column_that_holds_ids(lake):
    for kind, value, table in (
        ("posts", "reddit:1", "posts"),
        ("posts", "reddit:1", "comments"),
        ("comments", "reddit:c9", "comments"),
        ("comments", "reddit:c3", "authors"),
        ("authors", "t2", "authors"),
    ):
        names: dict[str, list[str]] = {"posts": [], "comments": [], "authors": []}
        graves = Graves(KEY, bury(KEY, **{**names, kind: [value]}))
        looked = search(lake.store, graves, dict(lake.store.walk(f"{table}/data")))
        assert sum(seen.held for seen in looked.values()) >= 1, (kind, value, table)
        other = Graves(KEY, bury(KEY, **{**names, kind: [f"{value}0"]}))
        assert not any(seen.held for seen in search(lake.store, other, dict(lake.store.walk(f"{table}/data"))).values())


def test_the_proof_names_holders_and_expires_all_versions_but_the_newest(lake):
    graves = Graves(check_key(lake), bury(check_key(lake), posts=["reddit:1"], comments=(), authors=()))
    looked = prove(lake.store, graves)
    assert looked.expired == ()
    assert {path.partition("/")[0] for path in looked.live.holders} == {"posts", "comments", "authors"}
    marked = prove(lake.store, graves, now=datetime.now(UTC))
    assert marked.expired == (1,)
    assert marked.live.holders


def test_tombstones_that_are_lost_or_changed_are_an_error_and_no_licence(lake):
    stones = bury(KEY, posts=["reddit:1"], comments=(), authors=())
    entry = stones.save(lake.store)
    draft = create_or_open(lake.store.uri)
    manifest = draft.manifest("posts")
    assert manifest is not None
    draft.update({"posts": manifest.model_copy(update={"inputs": (entry,)})})
    draft.publish("test")
    lake = open_lake(lake.store.uri)
    assert read_tombstones(lake) == stones
    whole = {finding.path for finding in verify(lake)}
    assert entry.name not in whole
    lake.store.put(entry.name, Tombstones().to_json())
    with pytest.raises(LakeError, match="tombstones were changed"):
        read_tombstones(lake)
    assert {finding.path for finding in verify(lake)} - whole == {entry.name}
    lake.store.delete(entry.name)
    with pytest.raises(LakeError, match="tombstones are missing"):
        read_tombstones(lake)
    assert {finding.path for finding in verify(lake)} - whole == {entry.name}


def test_a_torn_file_is_no_proof(lake):
    lake.store.put("posts/data/0123456789abcdef.arrow", b"half of it")
    with pytest.raises(LakeError, match=r"0123456789abcdef\.arrow: not a whole Arrow file"):
        prove(lake.store, Graves(KEY, bury(KEY, posts=["x"], comments=(), authors=())))


def test_a_ledger_may_count_forgotten_rows_that_no_shard_holds_and_no_others():
    fields = {"table": "posts", "schema_version": 1, "schema_fingerprint": "f", "shards": (), "plan": "p", "code": "c"}
    Manifest(**fields, ledger=Ledger(rows_in=3, accepted=0, rejected={FORGOTTEN: 3}))
    with pytest.raises(ValueError, match="shards hold 0 rejected rows, the ledger 3"):
        Manifest(**fields, ledger=Ledger(rows_in=3, accepted=0, rejected={"superseded": 3}))
