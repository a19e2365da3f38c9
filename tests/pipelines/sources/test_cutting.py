"""Cutting big files: the pieces, read in order, give what the whole gives."""

from __future__ import annotations

import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from pipelines.sources import Jsonl, Origin, Reddit, Tables, Window, cut_ranges, plan_chunks, reblock
from pipelines.sources.compression import Plain
from pipelines.storage import Store

MIXED = [
    b"not json",
    b'{"id":"a","link_id":"t3_p","body":"bad score","score":{}}',
    b"",
    b'{"id":"p1","title":"A post","score":3,"author":"someone","created_utc":"1500000000"}',
    b'{"kind":"Listing","data":{"children":[{"kind":"t1","data":{"id":"n1","link_id":"t3_p","body":"nested"}}]}}',
    b'{"id":"c2","link_id":"t3_p","body":"\xff bad utf-8"}',
    b"123",
]


def dump(num: int) -> bytes:
    rng = random.Random(4)
    lines = []
    for n in range(num):
        if rng.random() < 0.1:
            lines.append(rng.choice(MIXED))
        record = {"id": f"c{n}", "link_id": "t3_p", "parent_id": "t3_p", "body": "word " * rng.randrange(40)}
        record |= {"score": n, "created_utc": 1_500_000_000 + n, "author": f"user{n % 50}"}
        lines.append(json.dumps(record).encode())
    return b"\n".join(lines) + b"\n"


class Files:
    """Chunks in memory, as ingest's scratch prefix holds them."""

    def __init__(self) -> None:
        self.closed: dict[int, bytes] = {}

    def open(self, number: int) -> io.BytesIO:
        files = self

        class File(io.BytesIO):
            def close(self) -> None:
                files.closed.setdefault(number, self.getvalue())
                super().close()

        return File()


def same(whole: Tables, parts: list[Tables]) -> None:
    for name in ("posts", "comments", "quarantine"):
        assert pa.concat_tables([getattr(p, name) for p in parts]).equals(getattr(whole, name)), name
    ids = [row for part in parts for row in part.authors.to_pylist()]
    assert sorted(ids, key=str) == sorted(whole.authors.to_pylist(), key=str)
    assert {t: sum(p.records[t] for p in parts) for t in whole.records} == whole.records
    assert [p.problem for p in parts if p.problem] == ([whole.problem] if whole.problem else [])


@pytest.mark.parametrize("target", [2_000, 50_000])
def test_ranges_of_a_plain_file(read_all: Any, target: int) -> None:
    data, source = dump(2000), Reddit()
    plan = plan_chunks(data[: 2 << 20], len(data), source, target_bytes=target)
    assert (plan.how, plan.default_table) == ("ranges", "comments")
    pieces = cut_ranges(io.BytesIO(data), len(data), target)
    assert len(pieces) > 3
    assert sum(p.length for p in pieces) == len(data)
    parts = []
    for piece in pieces:
        part = Window(io.BytesIO(data), piece).read()
        assert part == data[piece.offset : piece.offset + piece.length]
        assert part.endswith(b"\n")
        parts.append(read_all(source, part, offset=piece.offset, is_chunk=True, default_table=plan.default_table))
    same(read_all(source, data), parts)


@pytest.mark.parametrize("cut_at", [None, 0.7])
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_reblocked_chunks(read_all: Any, pack: Any, cut_at: float | None) -> None:
    data, source = dump(6000), Reddit(max_record_bytes=1024)
    data = data[:5000] + b"\n" + b"y" * 30_000 + b"\n" + data[5000:]
    packed = pack(data)
    packed = packed[: int(len(packed) * cut_at)] if cut_at else packed
    plan = plan_chunks(packed, len(packed), source, target_bytes=10_000)
    assert plan.how == "reblock"
    files = Files()
    done = reblock(io.BytesIO(packed), files.open, 40_000)
    assert (done.fault is None) == (cut_at is None)
    assert len(done.pieces) > 5
    parts = []
    for number, piece in enumerate(done.pieces):
        last = number == len(done.pieces) - 1
        parts.append(
            read_all(
                source,
                files.closed[number],
                offset=piece.offset,
                is_chunk=True,
                default_table=plan.default_table,
                fault=done.fault if last else None,
            )
        )
    whole = read_all(source, packed)
    assert whole.records["comments"] > 1000
    same(whole, parts)


def test_what_cannot_be_cut_is_read_whole() -> None:
    source = Reddit()
    document = json.dumps({"kind": "Listing", "data": {"children": []}}, indent=1).encode() * 2
    assert plan_chunks(document, len(document), source, target_bytes=10).how == "whole"
    assert plan_chunks(b"a,b\n1,2\n" * 100, 800, source, target_bytes=10).how == "whole"
    assert plan_chunks(b'{"id":1}\n', 9, source, target_bytes=10).how == "whole"


def test_a_chunk_without_a_readable_line_counts_as_its_file_does(read_all: Any) -> None:
    chunk = read_all(Reddit(), b"broken\nbroken too\n", offset=77, is_chunk=True, default_table="comments")
    assert chunk.records == {"posts": 0, "comments": 2}
    assert chunk.quarantine["offset"].to_pylist() == [77, 84]


def test_byte_order_mark_shifts_nothing(read_all: Any) -> None:
    line = b'{"comment_id":"x:1","post_id":"x:2"}\n'
    got = read_all(Jsonl(), b"\xef\xbb\xbf" + line * 2)
    assert got.comments["source_offset"].to_pylist() == [3, 3 + len(line)]
    assert Origin("f", "n").offset == 0


def test_chunks_through_a_store_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    data, store = dump(500), Store(tmp_path)
    done = reblock(io.BytesIO(gzip.compress(data)), lambda i: store.writer(f"chunks/{i}.zst"), 10_000)
    names = [name for name, _ in store.walk()]
    assert sorted(names) == sorted(f"chunks/{i}.zst" for i in range(len(done.pieces)))
    parts = [b"".join(Plain(io.BytesIO(store.read(f"chunks/{i}.zst")))) for i in range(len(names))]
    assert b"".join(parts) == data

    def broken() -> None:
        with store.writer("chunks/half.zst") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert [name for name, _ in store.walk()] == names
