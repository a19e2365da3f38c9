"""Whatever a user gives: quarantine rows, or one clear line and exit code 2; never a traceback or half a version."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from PIL import Image

from tests.ray_jobs.front import ledgers, no_version, postlake, refused, rows, write_lines

GOOD = {"post_id": "forum:1", "title": "a title", "likes": 3}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "good.jsonl", [GOOD, {**GOOD, "post_id": "forum:2"}])


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(stream, "PNG")
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"post_id": ["forum:1"]}), stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("myspace:good.jsonl", "got myspace"),
        ("good.jsonl", "SOURCE:PATH"),
        ("jsonl:", "SOURCE:PATH"),
        ("jsonl:absent.jsonl", "absent.jsonl: no such file"),
        ("jsonl:*.parquet", "no such file"),
        ("jsonl:empty", "no file in this folder"),
    ],
)
def test_an_input_that_names_nothing_makes_no_lake(
    tmp_path: Path, lake: Path, good: Path, given: str, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    source, colon, path = given.partition(":")
    where = f"{source}{colon}{tmp_path / path}" if path else given
    line = refused("ingest", f"jsonl:{good}", where if colon else str(good), "--lake", lake)
    assert line.startswith("InputError: ")
    assert said in line
    assert not lake.exists()
    assert not Path(f"{lake}.key").exists()


FOREIGN = [
    ("reddit", "RC_2020-01.zst", b"", "an empty file"),
    ("reddit", "RC_2020-01.zst", b'{"id": "abc"', "zstd"),
    ("youtube", "picture.json", png(), "a PNG image"),
    ("reddit", "page.json", b"<!DOCTYPE html><html><body>404</body></html>", "an HTML or XML page"),
    ("jsonl", "table.json", parquet(), "a Parquet file"),
    ("reddit", "notes.txt", b"just some words\nand more of them\n", "reddit"),
    ("youtube", "other.json", b'{"kind": "youtube#searchListResponse", "items": []}', "youtube#searchListResponse"),
    ("reddit", "tweets.json", b'{"tweet": 1}\n{"tweet": 2}\n', "reddit"),
    ("jsonl", "list.json", b'[{"post_id": "forum:1"}]', "JSON"),
]


@pytest.mark.parametrize(("source", "name", "data", "said"), FOREIGN, ids=[f"{row[0]}-{row[1]}" for row in FOREIGN])
def test_a_file_of_another_format_stops_the_run_or_is_quarantined(
    tmp_path: Path, lake: Path, good: Path, source: str, name: str, data: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    command = ("ingest", f"{source}:{path}", f"jsonl:{good}", "--lake", lake)
    if name == "RC_2020-01.zst" and data:
        # The name says zstd, the bytes say JSON: what a file is, its bytes tell.
        said = ""
    line = refused(*command)
    assert name in line
    assert said.lower() in line.lower()
    assert "--set ingest.max_bad_files=1" in line
    no_version(lake)
    postlake(*command, "--set", "ingest.max_bad_files=1")
    assert ledgers(lake)["posts"]["accepted"] == 2
    (fault,) = rows(lake, "SELECT * FROM quarantine")
    assert said.lower() in fault["error"].lower()
    inputs = postlake("inspect", lake, "posts", "--json").value["manifest"]["inputs"]
    named = {entry["name"]: entry for entry in inputs}
    assert fault["source_file"] == named[name]["sha256"]
    assert named[name]["problem"]
    assert named["good.jsonl"]["problem"] is None


def test_a_wrong_extension_does_not_matter(tmp_path: Path, lake: Path, good: Path) -> None:
    odd = tmp_path / "dump.json"
    odd.write_bytes(zstandard.compress(good.read_bytes()))
    postlake("ingest", f"jsonl:{odd}", "--lake", lake)
    assert ledgers(lake)["posts"]["accepted"] == 2


def test_a_truncated_zst_keeps_what_came_before(tmp_path: Path, lake: Path) -> None:
    records = [{**GOOD, "post_id": f"forum:{i}", "title": os.urandom(40).hex()} for i in range(20_000)]
    whole = zstandard.compress("".join(json.dumps(r) + "\n" for r in records).encode())
    path = tmp_path / "posts.zst"
    path.write_bytes(whole[: len(whole) // 2])
    line = refused("ingest", f"jsonl:{path}", "--lake", lake)
    assert "posts.zst" in line
    no_version(lake)
    postlake("ingest", f"jsonl:{path}", "--lake", lake, "--set", "ingest.max_bad_files=1")
    posts = ledgers(lake)["posts"]
    assert 5_000 < posts["accepted"] < 15_000
    assert posts["quarantined"] == 1
    (fault,) = rows(lake, "SELECT * FROM quarantine")
    (last,) = rows(lake, "SELECT max(source_offset) AS o FROM posts")
    assert fault["offset"] > last["o"]
    assert "truncated" in fault["error"] or "end" in fault["error"]


LINES = [
    (b'{"post_id": "forum:9", "title": "' + b"x" * 5000 + b'"}', "expected at most 2048 bytes, got 5035"),
    (b'{"post_id": "forum:9", "title": "\xff\xfe"}', "UTF-8"),
    (b'{"post_id": "forum:9", "likes": {"a": [1]}}', "likes: expected"),
    (b'{"post_id": "forum:9", "title": ["no", "scalar"]}', "title: expected"),
    (b'{"post_id": "forum:9", "likes": 9223372036854775808}', "likes: expected"),
    (b'{"post_id": "forum:9", "views": -1}', "views: expected"),
    (b'{"post_id": "forum:9", "created_at": NaN}', ""),
    (b'{"post_id": "forum:9", "created_at": "NaN"}', "created_at: expected"),
    (b'{"post_id": "forum:9", "created_at": 1e300}', "created_at: expected"),
    (b'{"post_id": "forum:9", "titel": "x"}', "titel: expected"),
    (b'{"post_id": "forum:9", "title": "cut', ""),
    (b'{"post_id": "no colon"}', "post_id: expected"),
    (b'{"comment_id": "forum:c", "post_id": "other:1"}', "post_id: expected"),
    (b"[" * 1500 + b"]" * 1500, ""),
    (b"\x00\x00\x00", ""),
]


@pytest.mark.parametrize(("line", "said"), LINES, ids=range(len(LINES)))
def test_a_line_that_is_no_record_goes_to_quarantine(tmp_path: Path, lake: Path, line: bytes, said: str) -> None:
    first = json.dumps(GOOD).encode()
    path = tmp_path / "posts.jsonl"
    path.write_bytes(first + b"\n" + line + b"\n" + json.dumps({**GOOD, "post_id": "forum:2"}).encode() + b"\n")
    postlake("ingest", f"jsonl:{path}", "--lake", lake, "--set", "ingest.jsonl.max_record_bytes=2048")
    hint = postlake("ingest", f"jsonl:{path}", "--lake", lake, "--set", "ingest.jsonl.max_record_bytes=2048").err
    assert f"1 record could not be read; see postlake query {lake} 'SELECT source_file" in hint
    tables = ledgers(lake)
    table = "comments" if b"comment_id" in line else "posts"
    assert tables["posts"]["accepted"] == 2
    assert tables[table]["quarantined"] == 1
    (fault,) = rows(lake, "SELECT * FROM quarantine")
    assert (fault["table"], fault["offset"], fault["length"]) == (table, len(first) + 1, len(line))
    assert fault["error"]
    assert said in fault["error"]
    assert fault["raw"] is None
    assert "a title" not in fault["error"]


def test_every_damaged_file_is_named(tmp_path: Path, lake: Path, good: Path) -> None:
    for n in range(7):
        (tmp_path / f"bad{n}.json").write_bytes(b"GIF89a" + bytes([n]))
    line = refused("ingest", f"jsonl:{tmp_path}/*.json*", "--lake", lake, "--set", "ingest.max_bad_files=2")
    assert sum(f"bad{n}.json: " in line for n in range(7)) == 5
    assert "; and 2 more (field max_bad_files" in line
    assert "--set ingest.max_bad_files=7, got 7)" in line


def test_reddit_garbage_where_a_scalar_belongs(tmp_path: Path, lake: Path) -> None:
    good = {"id": "a1", "subreddit": "x", "author": "u", "title": "t", "created_utc": 1262304000, "score": 5}
    bad: list[dict[str, object]] = [
        {**good, "id": "a2", "score": {"deep": [1, {"er": 2}]}},
        {**good, "id": "a3", "created_utc": "soon"},
        {**good, "id": "a4", "score": 2**70},
        {**good, "id": ["a5"]},
    ]
    path = write_lines(tmp_path / "RS_2010-01", [good, *bad])
    postlake("ingest", f"reddit:{path}", "--lake", lake)
    posts = ledgers(lake)["posts"]
    assert (posts["rows_in"], posts["accepted"], posts["quarantined"]) == (5, 1, 4)
    errors = [row["error"].split(":")[0] for row in rows(lake, 'SELECT error FROM quarantine ORDER BY "offset"')]
    assert errors == ["score", "created_utc", "score", "id"]


def test_the_raw_bytes_are_kept_only_when_asked_for(tmp_path: Path, lake: Path) -> None:
    path = write_lines(tmp_path / "posts.jsonl", [GOOD, {"post_id": "bad"}])
    postlake("ingest", f"jsonl:{path}", "--lake", lake, "--keep-raw")
    (fault,) = rows(lake, "SELECT raw FROM quarantine")
    assert bytes.fromhex(fault["raw"]) == b'{"post_id": "bad"}'


def test_a_folder_that_may_not_be_read(lake: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="locked-"))
    locked = folder / "raw" / "inner"
    write_lines(locked / "posts.jsonl", [GOOD])
    root = os.geteuid() == 0
    for path in (folder, folder / "raw"):
        path.chmod(0o755)
    locked.chmod(0)
    try:
        if root:
            os.seteuid(65534)
        line = refused("ingest", f"jsonl:{folder / 'raw'}", "--lake", lake)
    finally:
        if root:
            os.seteuid(0)
        locked.chmod(0o700)
        shutil.rmtree(folder)
    assert "inner: cannot be read" in line
    assert "Permission denied" in line
