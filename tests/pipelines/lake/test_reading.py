from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipelines import open_lake
from pipelines.lake.buckets import bucket_of
from pipelines.lake.explain import explain
from pipelines.lake.query import query
from pipelines.lake.shards import read_shards, write_shards
from pipelines.lake.verify import verify
from schemas import POSTS
from schemas.errors import LakeError, UserError
from schemas.manifest import Ledger, Manifest, Shard
from tests.pipelines.lake.conftest import post, write_table


def comments(posts: int) -> list[dict[str, object]]:
    return [
        {
            "comment_id": f"reddit:c{i}",
            "post_id": f"reddit:{i % posts:x}",
            "text": f"a comment, number {i}",
            "likes": i,
            "source_file": "e" * 64,
            "source_offset": i,
        }
        for i in range(3 * posts)
    ]


def test_sql_joins_tables_and_sees_versions(make_lake):
    draft = make_lake(20, comments=comments(20))
    draft.update({"posts": write_table(draft, "posts", [post(i) for i in range(30)])})
    draft.publish("more")
    lake = open_lake(draft.store.uri)
    joined = query(lake, "SELECT count(*) AS n, sum(c.likes) AS s FROM posts JOIN comments c USING (post_id)")
    assert joined.to_pylist() == [{"n": 60, "s": sum(range(60))}]
    counts = query(lake, 'SELECT (SELECT count(*) FROM "posts@1") AS a, (SELECT count(*) FROM posts) AS b')
    assert counts.to_pylist() == [{"a": 20, "b": 30}]


@pytest.mark.parametrize(
    "condition",
    ["post_id = 'reddit:7'", "'reddit:7' = p.post_id AND likes >= 0", "likes < 99 AND p.post_id='reddit:7'"],
)
def test_a_query_by_id_reads_one_bucket(make_lake, condition, monkeypatch):
    lake = open_lake(make_lake(40).store.uri)
    seen: list[int] = []
    whole = type(lake).dataset
    monkeypatch.setattr(
        type(lake),
        "dataset",
        lambda self, table, shards, **kw: (seen.append(len(shards)), whole(self, table, shards, **kw))[1],
    )
    found = query(lake, f"SELECT likes FROM posts p WHERE {condition}")
    assert found.to_pylist() == [{"likes": 7}]
    assert seen == [1]


@pytest.mark.parametrize(
    "condition",
    ["post_id = 'reddit:7' OR likes = 8", "NOT post_id = 'reddit:7'", "post_id > 'reddit:7'", "title = 'title 7'"],
)
def test_other_conditions_read_all_buckets(make_lake, condition):
    lake = open_lake(make_lake(40).store.uri)
    rows = lake.table("posts").to_table()
    connection = duckdb.connect().register("rows", rows)

    expected = connection.execute(f"SELECT post_id FROM rows WHERE {condition} ORDER BY 1").fetchall()
    assert query(lake, f"SELECT post_id FROM posts WHERE {condition} ORDER BY 1")["post_id"].to_pylist() == [
        row[0] for row in expected
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY posts TO '/tmp/stolen.csv'",
        "INSTALL httpfs",
        "SELECT nonsense FROM posts",
        "SELECT 1; SELECT 2",
        "SELEC",
    ],
)
def test_what_is_no_query_over_the_lake_is_one_clear_line(make_lake, sql):
    with pytest.raises(UserError) as error:
        query(open_lake(make_lake(5).store.uri), sql)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DROP TABLE posts", "only SELECT statements"),
        ("COPY posts TO '/tmp/stolen.csv'", "only SELECT statements"),
        (
            "SELECT * FROM nope",
            "no such table in this version (expected comments, posts; each also as TABLE_rejected, got nope)",
        ),
        ("SELECT * FROM authors", "no such table in this version (expected comments, posts"),
        ("", "the query is empty"),
        ("  -- nothing", "the query is empty"),
    ],
)
def test_what_a_query_may_be_is_said_in_our_words(make_lake, sql, said):
    with pytest.raises(UserError) as error:
        query(open_lake(make_lake(5, comments=comments(5)).store.uri), sql)
    assert said in str(error.value)
    assert "json" not in str(error.value)


def post_in(lake, bucket):
    return next(name for i in range(99) if bucket_of(name := f"reddit:{i:x}", lake.settings.buckets) == bucket)


@pytest.mark.parametrize("sql", ["SELECT * FROM posts", "SELECT sum(likes) FROM posts p JOIN comments USING (likes)"])
@pytest.mark.parametrize("harm", ["gone", "gone late", "cut", "overwritten"])
def test_a_query_names_the_shard_that_is_damaged(make_lake, sql, harm, monkeypatch):
    lake = open_lake(make_lake(400, comments=comments(5)).store.uri)
    file = Path(lake.store.full(lake.manifest("posts").shards[0].path))
    data = file.read_bytes()

    def harm_it():
        if harm.startswith("gone"):
            file.unlink()
        else:
            file.write_bytes(data[:-9] if harm == "cut" else data[:200] + bytes(len(data) - 1200) + data[-1000:])

    if harm == "gone late":  # After the dataset was opened: this is how a missing object of S3 looks.
        parse = type(lake).dataset
        monkeypatch.setattr(type(lake), "dataset", lambda *a, **kw: (parse(*a, **kw), file.exists() and harm_it())[0])
    else:
        harm_it()
    with pytest.raises(LakeError) as error:
        query(lake, sql)
    with pytest.raises(LakeError) as explained:
        explain(lake, post_in(lake, lake.manifest("posts").shards[0].bucket))
    assert str(explained.value) == str(error.value)
    assert str(file) in str(error.value)
    assert "postlake verify" in str(error.value)
    assert ("is missing" in str(error.value)) == harm.startswith("gone")


def test_find_reads_the_row_and_explain_tells_its_place(make_lake):
    lake = open_lake(make_lake(40, comments=comments(40)).store.uri)
    assert [row["likes"] for row in lake.find("posts", "reddit:7")] == [7]
    [event] = explain(lake, "reddit:7")
    assert event == {
        "table": "posts",
        "outcome": "accepted",
        "file": "f" * 64,
        "offset": 7,
        "title": "title 7",
        "likes": 7,
        "retrieved_at": None,
    }
    assert [event["post_id"] for event in explain(lake, "reddit:c41")] == ["reddit:1"]
    assert explain(lake, "reddit:nowhere") == []


def test_verify_is_content_with_a_whole_lake(make_lake):
    assert verify(open_lake(make_lake(40, comments=comments(40)).store.uri)) == []


def damaged(lake, change):
    shard = lake.manifest("posts").shards[0]
    path = lake.store.full(shard.path)
    data = bytearray(Path(path).read_bytes())
    change(path, data)
    return shard.path


@pytest.mark.parametrize("where", [0, 0.3, 0.5, 0.9, 1])
def test_verify_finds_a_flipped_byte_and_names_the_shard(make_lake, where):
    lake = open_lake(make_lake(40).store.uri)

    def flip(path, data):
        data[round(where * (len(data) - 1))] ^= 1
        Path(path).write_bytes(data)

    path = damaged(lake, flip)
    assert [finding.path for finding in verify(lake)] == [path]


def test_verify_finds_a_missing_and_a_truncated_shard(make_lake):
    import os

    lake = open_lake(make_lake(40).store.uri)
    path = damaged(lake, lambda path, data: Path(path).write_bytes(data[:-9]))
    assert [(f.path, "bytes" in f.problem) for f in verify(lake)] == [(path, True)]
    os.unlink(lake.store.full(path))
    assert [(f.path, f.problem) for f in verify(lake)] == [(path, "missing")]


def test_verify_compares_rejected_shards_with_the_contract(make_lake):
    draft = make_lake(20)
    manifest = write_table(draft, "posts", [post(i) for i in range(20)])
    rows = read_shards(draft.store, POSTS, manifest.shards)
    for name in ("reject_step", "reject_reason"):
        rows = rows.append_column(name, pa.array(["superseded"] * 20))
    whole = write_shards(draft.store, POSTS, rows, 0, rejected=True)
    ledger = Ledger(rows_in=40, accepted=20, rejected={"superseded": 20})
    for rejected, said in (
        (whole, []),
        (manifest.shards, ["rejected rows (field reject_step, expected string, got no such column)"]),
        ((_with_likes_as_text(draft.store, rows),), ["incompatible type (field likes, expected int64, got string)"]),
    ):
        fresh = type(draft)(draft.store)
        changed = {"rejected_shards": tuple(rejected), "ledger": ledger}
        fresh.update({"posts": Manifest(**{**dict(manifest), **changed})})
        fresh.publish("test")
        assert sorted({finding.problem for finding in verify(open_lake(draft.store.uri))}) == said


def _with_likes_as_text(store, rows):
    index = rows.schema.get_field_index("likes")
    rows = rows.set_column(index, "likes", rows["likes"].cast(pa.string()))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    data = sink.getvalue().to_pybytes()
    store.put("posts/rejected/text.arrow", data)
    digest = hashlib.sha256(data).hexdigest()
    return Shard(path="posts/rejected/text.arrow", bucket=0, rows=rows.num_rows, bytes=len(data), sha256=digest)


def test_verify_finds_a_manifest_that_tells_another_story(make_lake):
    lake = open_lake(make_lake(40).store.uri)
    ref = lake.version.tables["posts"]
    path = lake.store.full(ref.manifest)
    text = Path(path).read_text()
    Path(path).write_text(text.replace('"rows_in":40', '"rows_in":41'))
    [finding] = verify(open_lake(lake.store.uri))
    assert finding.path == ref.manifest
    assert "rows are missing" in finding.problem


def test_metadata_that_cannot_be_read_names_the_file_and_the_field(make_lake):
    lake = make_lake(5)
    path = lake.store.full("versions/v000001.json")
    Path(path).write_text(Path(path).read_text().replace('"version":1', '"version":"one"'))
    with pytest.raises(LakeError, match=r"v000001\.json.*field version"):
        open_lake(lake.store.uri)


def test_tables_are_plain_arrow_to_other_readers(make_lake):
    polars = pytest.importorskip("polars")
    dataset = open_lake(make_lake(40).store.uri).table("posts")
    assert polars.scan_pyarrow_dataset(dataset).filter(polars.col("likes") > 30).collect().height == 9
    assert dataset.schema.field("likes").type == pa.int64()


@pytest.mark.parametrize(("old", "new"), [('"plan":"posts-40"', '"plan":"posts-41"'), ('"bucket":0', '"bucket":1')])
def test_verify_finds_any_change_of_a_manifest(make_lake, old, new):
    lake = open_lake(make_lake(40).store.uri)
    ref = lake.version.tables["posts"]
    path = Path(lake.store.full(ref.manifest))
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    findings = verify(open_lake(lake.store.uri))
    assert [finding.path for finding in findings] == [ref.manifest]


def test_verify_names_a_shard_that_is_no_arrow_file_although_its_hash_fits(make_lake):
    draft = make_lake(40)
    data = b"not Arrow at all"
    digest = hashlib.sha256(data).hexdigest()
    path = f"posts/data/{digest[:16]}.arrow"
    draft.store.put(path, data)
    manifest = draft.manifest("posts")
    forged = manifest.shards[0].model_copy(update={"path": path, "sha256": digest, "bytes": len(data)})
    draft.update({"posts": manifest.model_copy(update={"shards": (forged, *manifest.shards[1:])})})
    draft.publish("forged")
    [finding] = verify(open_lake(draft.store.uri))
    assert (finding.path, "is not an Arrow file" in finding.problem) == (path, True)


def test_an_alias_for_columns_is_no_key(make_lake):
    lake = open_lake(make_lake(40).store.uri)
    names = [f"c{i}" for i in range(len(lake.table("posts").schema))]
    names[lake.table("posts").schema.get_field_index("title")] = "post_id"
    found = query(lake, f"SELECT c0 FROM posts AS p({', '.join(names)}) WHERE post_id = 'title 7'")
    assert found.to_pylist() == [{"c0": "reddit:7"}]
