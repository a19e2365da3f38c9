"""What is clearly another thing is one problem of the file, in one line, for every source."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from PIL import Image

from pipelines.sources import SOURCES, YouTube, plan_chunks


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), sink)
    return sink.getvalue()


def png() -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (8, 8)).save(sink, "PNG")
    return sink.getvalue()


FOREIGN = {
    "an empty file": b"",
    "an empty file ": b" \n\n\t",
    "an HTML or XML page": b"<!DOCTYPE html><html><body>404</body></html>",
    "an HTML or XML page ": b'<?xml version="1.0"?><rss></rss>',
    "a PNG image": png(),
    "a Parquet file": parquet(),
    "a ZIP archive": b"PK\x03\x04rest",
    "UTF-16 text": '{"id": 1}'.encode("utf-16"),
    "a binary file": bytes(range(32)) * 100,
    "an MP4 video": b"\0\0\0\x18ftypmp42",
    "gzip inside another compression": gzip.compress(gzip.compress(b"x")),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("got", FOREIGN)
def test_foreign_content(read_all: Any, source: str, got: str) -> None:
    for data in (FOREIGN[got], zstandard.ZstdCompressor().compress(FOREIGN[got])):
        tables = read_all(SOURCES[source](), data)
        assert tables.problem is not None
        assert tables.problem.endswith(f"got {got.strip()}")
        assert tables.problem.startswith("expected ")
        assert "\n" not in tables.problem
        assert tables.records == {"posts": 1, "comments": 0}
        assert len(tables.posts) == len(tables.comments) == 0


@pytest.mark.parametrize(
    ("source", "data", "got"),
    [
        ("reddit", b"a,b\n1,2\n", "text without a JSON object"),
        ("reddit", b'{"hello": 1}\n{"you": 2}\n', "JSON lines of another kind"),
        ("reddit", b'{\n "hello": 1\n}', "a JSON document without any"),
        ("reddit", b'{\n "kind": "Listing",\n "data": {', "a damaged document"),
        ("youtube", b"a,b\n1,2\n", "text without a known CSV header"),
        ("youtube", b'{\n "kind": "youtube#searchListResponse", "items": []}', "a document of kind youtube#searchList"),
        ("youtube", b'{"extractor": "twitch:vod", "id": "1"}', "a yt-dlp document of twitch:vod"),
        ("youtube", b'{"id": "c1", "link_id": "t3_p"}\n', "JSON of another kind"),
        ("jsonl", b'{"id": "c1", "link_id": "t3_p"}\n', "JSON without post_id and comment_id"),
        ("jsonl", b"some words\n", "text of another form"),
        ("jsonl", b'{\n "post_id": "x:1"\n}\n', "text of another form"),
    ],
)
def test_text_of_another_kind(read_all: Any, source: str, data: bytes, got: str) -> None:
    tables = read_all(SOURCES[source](), data)
    assert f"got {got}" in str(tables.problem)
    assert sum(tables.records.values()) == len(tables.quarantine) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_a_stream_cut_at_its_start_says_so(read_all: Any, source: str) -> None:
    tables = read_all(SOURCES[source](), zstandard.ZstdCompressor().compress(b"x" * 100)[:6])
    assert "truncated zstd stream" in str(tables.problem)


def test_documents_have_a_limit(read_all: Any) -> None:
    document = b'{\n"kind": "Listing", "data": {"children": [' + b" " * 5000 + b"]}}"
    tables = read_all(SOURCES["reddit"](max_record_bytes=4096), document)
    assert "at most 4096 bytes" in str(tables.problem)
    assert read_all(SOURCES["reddit"](), document).problem is None


LIMIT = 4096


@pytest.mark.parametrize(
    "document",
    [
        {"extractor": "youtube", "id": "abcdefghijk", "comments": [{"id": f"c{n}", "text": "t"} for n in range(500)]},
        {"kind": "youtube#videoListResponse", "items": [{"kind": "youtube#video", "id": "v"}] * 500},
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("end", ["", "\n\n"])
def test_a_document_too_long_is_a_problem_of_the_file(
    read_all: Any, document: dict[str, Any], indent: int | None, end: str
) -> None:
    data = (json.dumps(document, indent=indent) + end).encode()
    got = read_all(YouTube(max_record_bytes=LIMIT), data)
    assert got.problem == "expected a JSON document of at most 4096 bytes, got a longer one"
    assert len(got.quarantine) == 1
    assert plan_chunks(data, len(data), YouTube(), target_bytes=100).how == "whole"
    good = b'{"kind": "youtube#video", "id": "w"}\n'
    assert read_all(YouTube(max_record_bytes=LIMIT), good + json.dumps(document).encode()).problem is None


@pytest.mark.parametrize("target", [1 << 16, 1 << 17, 1 << 30])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("source", SOURCES)
def test_a_foreign_file_is_read_whole_at_any_chunk_size(source: str, pack: Any, target: int) -> None:
    data = pack(b"".join(b'{"foo": "%032x"}\n' % (n * 0x9E3779B97F4A7C15 % (1 << 128)) for n in range(20_000)))
    assert len(data) > 1 << 17
    assert plan_chunks(data, len(data), SOURCES[source](), target_bytes=target).how == "whole"


def test_errors_of_foreign_documents_are_short(read_all: Any) -> None:
    for value in ({"kind": "k" * 100_000}, {"kind": "\ud800"}, {"extractor": "k" * 100_000}, {"extractor": {"a": 1}}):
        got = read_all(YouTube(), json.dumps(value).encode())
        assert len(str(got.problem)) < 200
