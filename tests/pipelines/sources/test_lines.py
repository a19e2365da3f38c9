"""Blocks of lines: offsets, long lines, any way the stream arrives in pieces."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.lines import LongLine, blocks


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


@given(
    lines=st.lists(st.binary(max_size=90).map(lambda b: b.replace(b"\n", b"")), max_size=30),
    ending=st.sampled_from([b"\n", b""]),
    sizes=st.lists(st.integers(0, 40), max_size=30),
    block_bytes=st.integers(1, 100),
)
@settings(max_examples=400, deadline=None)
def test_every_line_has_its_offset(lines: list[bytes], ending: bytes, sizes: list[int], block_bytes: int) -> None:
    data = b"\n".join(lines) + ending if lines else b""
    expected_lines, expected_long, at = [], [], 1000
    for line in data.split(b"\n")[: -1 if data.endswith(b"\n") or not data else None]:
        if len(line) > 20:
            expected_long.append(LongLine(at, len(line), hashlib.sha256(line).hexdigest()))
        else:
            expected_lines.append((at, line))
        at += len(line) + 1
    got = list(blocks(cut(data, sizes), offset=1000, max_record_bytes=20, block_bytes=block_bytes))
    assert [pair for b in got for pair in zip(b.offsets.tolist(), b.lines, strict=True)] == expected_lines
    assert [long for b in got for long in b.long] == expected_long
    assert not got or got[-1].end == 1000 + len(data)


def test_a_giant_line_is_not_held() -> None:
    piece = b"x" * 100_000
    held = 0

    def stream() -> Iterator[bytes]:
        yield b"first\n"
        for _ in range(500):
            yield piece
        yield b"\nlast\n"

    found = list(blocks(stream(), max_record_bytes=200_000, block_bytes=100_000))
    held = sum(len(line) for block in found for line in block.lines)
    assert held == len(b"firstlast")
    assert [at for block in found for at in block.offsets.tolist()] == [0, 50_000_007]
    (long,) = (line for block in found for line in block.long)
    assert (long.offset, long.length) == (6, 50_000_000)
    assert long.sha256 == hashlib.sha256(piece * 500).hexdigest()


def test_a_long_valid_line_in_small_pieces_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        start = time.process_time()
        (found,) = (
            line
            for block in blocks(
                cut(b"x" * size + b"\n", [4096] * (size // 4096)), max_record_bytes=1 << 30, block_bytes=1
            )
            for line in block.lines
        )
        assert len(found) == size
        return time.process_time() - start

    # A join for each of 8,192 pieces would move 128 GiB.
    assert seconds(32 << 20) < 5
