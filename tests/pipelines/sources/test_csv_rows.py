"""CSV rows over the limit, quotes that never close: told, linear in time, and nothing else is lost."""

from __future__ import annotations

import hashlib
import io
import time
import tracemalloc
from typing import Any

import pytest

from pipelines.sources import Origin, YouTube

HEADER = b"video_id,comment_text,likes\n"
LIMIT = 4096


def rows(first: int, last: int) -> bytes:
    return b"".join(b'v%d,"text, %d",1\n' % (n, n) for n in range(first, last))


@pytest.mark.parametrize(
    "long",
    [
        b"vx," + b"y" * 9000 + b",1\n",
        b'vx,"' + b"y" * 9000 + b'",1\n',
        b'vx,"' + b'line of ""text"", more\n' * 900 + b'",1\n',
        b'vx,"one\n' + b"y" * 9000 + b'\nthree",1\n',
    ],
)
def test_an_over_long_row_is_passed_by(read_all: Any, long: bytes) -> None:
    data = HEADER + rows(0, 50) + long + rows(50, 100)
    got = read_all(YouTube(max_record_bytes=LIMIT, keep_raw=True), data)
    assert (got.problem, got.records["comments"], len(got.comments)) == (None, 101, 100)
    (lost,) = got.quarantine.to_pylist()
    assert lost["error"] == f"record: expected at most {LIMIT} bytes, got {len(long)}"
    assert (lost["offset"], lost["length"], lost["raw"]) == (data.index(long), len(long), None)
    assert lost["sha256"] == hashlib.sha256(long).hexdigest()
    assert len(read_all(YouTube(), data).comments) == 101


@pytest.mark.parametrize("limit", [LIMIT, 1 << 20])
def test_a_quote_that_never_closes_is_told(read_all: Any, limit: int) -> None:
    swallowed = b'v500,"never closed,1\n' + b"".join(b"v%d,plain,1\n" % n for n in range(500))
    data = HEADER + rows(0, 500) + swallowed
    got = read_all(YouTube(max_record_bytes=limit), data)
    assert got.problem == f"the row at byte {len(HEADER + rows(0, 500))} ends inside a quoted field"
    assert len(got.comments) == 500
    (lost,) = got.quarantine.to_pylist()
    assert (lost["offset"], lost["length"]) == (data.index(swallowed), len(swallowed))


def test_a_quote_that_closes_later_loses_one_row(read_all: Any) -> None:
    got = read_all(YouTube(), HEADER + rows(0, 5) + b'v5,"open,1\n' + rows(6, 20))
    assert got.problem is None
    assert len(got.comments) >= 18
    assert got.records["comments"] == len(got.comments) + len(got.quarantine)


def test_an_open_quote_in_the_header_is_refused(read_all: Any) -> None:
    assert "CSV header" in str(read_all(YouTube(), b'video_id,"title\n' + rows(0, 5)).problem)


class Giant(io.RawIOBase):
    """A header, a line of `size` bytes and a row, made while it is read."""

    def __init__(self, size: int) -> None:
        self._left, self._head, self._tail = size, HEADER + b"vx,", b",1\nv1,text,1\n"

    def read(self, size: int = -1) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        if head:
            return head
        if self._left:
            step = min(size, self._left)
            self._left -= step
            return b"y" * step
        tail, self._tail = self._tail[:size], self._tail[size:]
        return tail


def test_a_giant_line_takes_little_memory_and_time() -> None:
    size = 256 << 20
    tracemalloc.start()
    start = time.process_time()
    batches = list(YouTube(max_record_bytes=1 << 20).read(Giant(size), Origin("f" * 64, "n"), b"k"))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [row["length"] for batch in batches for row in batch.quarantine.to_pylist()] == [size + len("vx,,1\n")]
    assert sum(len(batch.comments) for batch in batches) == 1
    assert peak < 32 << 20
    assert time.process_time() - start < 10
