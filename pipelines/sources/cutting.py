"""How a big file of JSON lines is cut into work items, each of which a source reads on its own. Called by ingest.

Reading the pieces in order gives exactly the tables that reading the whole gives.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import zstandard

from pipelines.sources.compression import Plain, compression_of
from pipelines.sources.sniff import BOM, HEAD_BYTES, foreign_format, is_json_lines, json_lines

CHUNK_LEVEL = 1
"""zstd level of re-blocked chunks: they are written once, read once and deleted."""


@dataclass(frozen=True)
class Piece:
    """A line-aligned part of a decompressed file: `length` bytes from `offset`."""

    offset: int
    length: int


@dataclass(frozen=True)
class Plan:
    """How a file can be read."""

    how: str
    """whole: as one item; ranges: by `cut_ranges` (plain lines); reblock: by `reblock` (compressed lines)."""
    default_table: str | None = None
    """What to put into the `Origin` of every piece."""


@dataclass(frozen=True)
class Reblocked:
    """What `reblock` wrote. `fault` goes into the `Origin` of the last piece."""

    pieces: list[Piece]
    fault: str | None


class Judge(Protocol):
    """What a source knows of the beginning of a file."""

    def table_of(self, line: bytes) -> str | None:
        """The ledger table of a line's first record."""

    def strange_lines(self, lines: Iterable[bytes]) -> str | None:
        """What the lines hold if nothing in them is a record; None where something is, or there is nothing."""


def read_head(stream: BinaryIO) -> tuple[bytes, bool]:
    """The first MiB of the decompressed content, and whether that is all of it."""
    head, ended = b"", True
    for piece in Plain(stream):
        head += piece
        if len(head) > HEAD_BYTES:
            ended = False
            break
    return head[:HEAD_BYTES], ended


def default_table(head: bytes, table_of: Callable[[bytes], str | None], *, ended: bool) -> str:
    """The ledger table of the file's first readable record; posts where the head holds none."""
    for line in json_lines(head, ended=ended):
        if (table := table_of(line)) is not None:
            return table
    return "posts"


def plan_chunks(head: bytes, size: int, source: Judge, *, target_bytes: int) -> Plan:
    """How to read a file of `size` bytes of which `head` (1 MiB or more of raw bytes, or all of it) is the beginning.

    A file of up to `target_bytes`, a JSON document, a CSV, and a file that is to be refused are read whole.
    """
    if size <= target_bytes:
        return Plan("whole")
    content, ended = read_head(io.BytesIO(head))
    ended = ended and size <= len(head)
    if not is_json_lines(content, ended=ended) or b"\n" not in content.removeprefix(BOM).strip():
        return Plan("whole")
    # A chunk cannot tell that the file is of another kind: the chunk may hold nothing but broken lines.
    if foreign_format(content) or source.strange_lines(json_lines(content, ended=ended)):
        return Plan("whole")
    table = default_table(content, source.table_of, ended=ended)
    return Plan("ranges" if compression_of(head) == "plain" else "reblock", table)


def cut_ranges(stream: BinaryIO, size: int, target_bytes: int) -> list[Piece]:
    """Cut a plain file of lines at the first line end after each `target_bytes`; `stream` is seekable."""
    pieces = []
    start = 0
    while start < size:
        stream.seek(min(start + target_bytes, size))
        end = _after_newline(stream, size)
        pieces.append(Piece(start, end - start))
        start = end
    return pieces


def _after_newline(stream: BinaryIO, size: int) -> int:
    at = stream.tell()
    while piece := stream.read(1 << 16):
        found = piece.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(piece)
    return size


def reblock(
    stream: BinaryIO, open_chunk: Callable[[int], AbstractContextManager[BinaryIO]], target_bytes: int
) -> Reblocked:
    """Rewrite a compressed file of lines as zstd chunks of about `target_bytes` (decompressed) each, cut at line ends.

    `open_chunk(i)` is entered for the binary file that chunk i is written to. Memory: one read of the
    decompressor besides the window.
    """
    plain = Plain(stream)
    pieces: list[Piece] = []
    offset = 0
    source = _split_at_lines(plain, target_bytes)
    for part in source:
        with open_chunk(len(pieces)) as raw:
            writer = zstandard.ZstdCompressor(level=CHUNK_LEVEL).stream_writer(raw, closefd=False)
            length = 0
            for data in part:
                writer.write(data)
                length += len(data)
            writer.close()  # type: ignore[no-untyped-call]
        pieces.append(Piece(offset, length))
        offset += length
    return Reblocked(pieces, plain.fault)


def _split_at_lines(plain: Plain, target_bytes: int) -> Iterator[Iterator[bytes]]:
    """Parts of the stream, each to be used up before the next; a part ends at the first line end after its target."""
    pieces = iter(plain)
    rest = b""

    def part() -> Iterator[bytes]:
        nonlocal rest
        length = 0
        while rest or (rest := next(pieces, b"")):
            cut = rest.find(b"\n", max(target_bytes - length - 1, 0)) + 1
            data, rest = (rest[:cut], rest[cut:]) if cut else (rest, b"")
            length += len(data)
            yield data
            if cut:
                return

    while rest or (rest := next(pieces, b"")):
        yield part()


class Window(io.RawIOBase):
    """The bytes of one piece of a seekable plain file, as a stream."""

    def __init__(self, stream: BinaryIO, piece: Piece) -> None:
        self._stream, self._left = stream, piece.length
        stream.seek(piece.offset)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data
