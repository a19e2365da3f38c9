"""A lake written by an older release, read through a newer one: the contract of `posts` is changed in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from pipelines import open_lake
from pipelines.lake.commit import create_or_open
from pipelines.lake.query import query
from pipelines.lake.shards import read_shards
from pipelines.lake.verify import verify
from schemas import TABLES
from schemas.errors import ContractError
from schemas.table import Table, column
from tests.pipelines.lake.conftest import post, write_table

OLD = (
    column("post_id", pa.string(), "Id.", nullable=False),
    column("platform", pa.string(), "Platform.", nullable=False),
    column("title", pa.string(), "Title."),
    column("likes", pa.int32(), "Likes."),
    column("media", pa.list_(pa.struct([pa.field("url", pa.string())])), "Media."),
    column("share", pa.float32(), "Share.", nullable=False),
    column("source_file", pa.string(), "File.", nullable=False),
    column("source_offset", pa.int64(), "Offset.", nullable=False),
)


def changed(**columns: pa.Field | None) -> tuple[pa.Field, ...]:
    """OLD with columns replaced, removed (None) or added."""
    kept = [columns.get(field.name, field) for field in OLD]
    added = [field for name, field in columns.items() if name not in {old.name for old in OLD}]
    return tuple(field for field in [*kept, *added] if field is not None)


@pytest.fixture
def release(monkeypatch) -> Callable[..., None]:
    """Make the code's contract of `posts` another one."""

    def become(version: int, columns: tuple[pa.Field, ...]) -> None:
        table: Table = replace(TABLES["posts"], version=version, columns=columns, time=None)
        monkeypatch.setitem(TABLES, "posts", table)

    return become


@pytest.fixture
def old_lake(release, tmp_path):
    release(1, OLD)
    draft = create_or_open(str(tmp_path / "lake"), buckets=4)
    draft.update(
        {"posts": write_table(draft, "posts", [post(i, share=i / 8, media=[{"url": f"u{i}"}]) for i in range(30)])}
    )
    draft.publish("by the older release")
    return open_lake(draft.store.uri)


COMPATIBLE = {
    "a nullable column is added": changed(language=column("language", pa.string(), "Language.")),
    "a nested field is added": changed(
        media=column(
            "media", pa.list_(pa.struct([pa.field("kind", pa.string()), pa.field("url", pa.string())])), "Media."
        )
    ),
    "a description is changed": changed(title=column("title", pa.string(), "What stands above it.", unit="text")),
    "an integer is widened": changed(likes=column("likes", pa.int64(), "Likes.")),
    "a float is widened": changed(share=column("share", pa.float64(), "Share.", nullable=False)),
    "a column may be null from now on": changed(share=column("share", pa.float32(), "Share.")),
    "columns change their places": tuple(reversed(OLD)),
}


@pytest.mark.parametrize("columns", COMPATIBLE.values(), ids=COMPATIBLE)
def test_an_old_version_is_read_through_the_new_code(old_lake, release, columns):
    release(2, columns)
    lake = open_lake(old_lake.store.uri)
    manifest = lake.manifest("posts")
    assert manifest is not None
    stored = read_shards(lake.store, TABLES["posts"], manifest.shards)
    assert stored.schema.equals(TABLES["posts"].schema, check_metadata=True)
    names = [field.name for field in columns]
    shown = lake.table("posts").to_table()
    assert shown.schema.names == names
    assert shown.schema.field("likes").type == TABLES["posts"].schema.field("likes").type
    queried = query(lake, "select * from posts")
    for table in (stored, shown, queried):
        rows = {row["post_id"]: row for row in table.to_pylist()}
        assert len(rows) == 30
        assert (rows["reddit:9"]["likes"], rows["reddit:9"]["share"]) == (9, 1.125)
        assert rows["reddit:9"]["media"][0]["url"] == "u9"
        assert all(row[name] is None for row in rows.values() for name in names if name not in {f.name for f in OLD})
    assert lake.find("posts", "reddit:9")[0]["title"] == "title 9"
    assert verify(lake) == []


def test_both_versions_are_read_after_the_new_release_has_written(old_lake, release):
    release(2, changed(likes=column("likes", pa.int64(), "Likes."), language=column("language", pa.string(), "L.")))
    draft = create_or_open(old_lake.store.uri)
    rows = [post(i, share=0.5, likes=2**40, language="en") for i in range(10)]
    draft.update({"posts": write_table(draft, "posts", rows)})
    draft.publish("by the newer release")
    lake = open_lake(old_lake.store.uri)
    sql = "select sum(likes) as s, count(language) as n from posts"
    assert query(lake, sql).to_pylist() == [{"s": 10 * 2**40, "n": 10}]
    assert query(lake, sql.replace("posts", '"posts@1"')).to_pylist() == [{"s": sum(range(30)), "n": 0}]
    assert verify(lake) == []


INCOMPATIBLE = {
    "likes": changed(likes=column("likes", pa.int16(), "Narrower.")),
    "title": changed(title=column("title", pa.int64(), "Of another kind.")),
    "share": changed(share=None),
    "language": changed(language=column("language", pa.string(), "Required.", nullable=False)),
}


@pytest.mark.parametrize(("field", "columns"), INCOMPATIBLE.items(), ids=INCOMPATIBLE)
def test_an_incompatible_change_is_refused_with_the_fields_name_by_every_reader(old_lake, release, field, columns):
    release(2, columns)
    lake = open_lake(old_lake.store.uri)
    manifest = lake.manifest("posts")
    assert manifest is not None
    readers: list[Callable[[], object]] = [
        lambda: read_shards(lake.store, TABLES["posts"], manifest.shards),
        lambda: lake.table("posts"),
        lambda: lake.find("posts", "reddit:9"),
        lambda: query(lake, "select * from posts"),
    ]
    for read in readers:
        with pytest.raises(ContractError, match=f"field {field}"):
            read()
    assert any(field in finding.problem for finding in verify(lake))


def test_a_column_that_may_be_null_cannot_become_required(old_lake, release):
    release(2, changed(title=column("title", pa.string(), "Title.", nullable=False)))
    with pytest.raises(ContractError, match=r"stored column may hold nulls \(field title, expected no nulls"):
        open_lake(old_lake.store.uri).table("posts")
