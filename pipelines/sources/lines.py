"""Line-aligned blocks of a byte stream, with the offset of every line. Used by the sources that read JSON lines.

Memory: one block, and at most `max_record_bytes` of a line that is not yet complete; a longer line is hashed and
skipped as it streams by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class LongLine:
    """A line beyond the limit; its bytes were not kept. `sha256` is null where the stream broke off inside it."""

    offset: int
    length: int
    sha256: str | None


@dataclass(frozen=True)
class Block:
    """Whole lines: `lines[i]` (without its newline) begins at byte `offsets[i]` of the decompressed file."""

    lines: list[bytes]
    offsets: npt.NDArray[np.int64]
    long: list[LongLine] = field(default_factory=list)
    end: int = 0
    """Byte after the block."""
    open_tail: bool = False
    """The last line had no newline: it may have been cut off."""


def blocks(
    pieces: Iterable[bytes], *, offset: int = 0, max_record_bytes: int, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Cut a stream that begins at `offset` of its file into blocks of about `block_bytes`, at line ends."""
    ready: list[bytes] = []
    tail: list[bytes] = []
    ready_size = tail_size = 0
    giant: _Giant | None = None
    for piece in pieces:
        if giant is not None:
            end = piece.find(b"\n")
            giant.feed(piece if end < 0 else piece[:end])
            if end < 0:
                continue
            yield giant.block(terminated=True)
            offset = giant.offset + giant.length + 1
            giant, piece = None, piece[end + 1 :]
        # Only the new piece is searched: what was searched before is joined once, when its block is whole.
        if cut := piece.rfind(b"\n") + 1:
            ready += [*tail, piece[:cut]]
            ready_size += tail_size + cut
            tail, tail_size = [], 0
        tail.append(piece[cut:])
        tail_size += len(piece) - cut
        if ready_size + tail_size < block_bytes:
            continue
        if ready:
            yield _block(b"".join(ready), offset, max_record_bytes)
            offset += ready_size
            ready, ready_size = [], 0
        if tail_size > max_record_bytes:
            giant = _Giant(offset, tail)
            tail, tail_size = [], 0
    if giant is not None:
        yield giant.block(terminated=False)
    elif ready_size + tail_size:
        yield _block(b"".join(ready + tail), offset, max_record_bytes)


class _Giant:
    def __init__(self, offset: int, parts: list[bytes]) -> None:
        self.offset, self.length, self._hash = offset, 0, hashlib.sha256()
        for part in parts:
            self.feed(part)

    def feed(self, piece: bytes) -> None:
        self._hash.update(piece)
        self.length += len(piece)

    def block(self, *, terminated: bool) -> Block:
        line = LongLine(self.offset, self.length, self._hash.hexdigest())
        end = self.offset + self.length + terminated
        return Block([], np.empty(0, np.int64), [line], end, open_tail=not terminated)


def _block(data: bytes, offset: int, max_record_bytes: int) -> Block:
    lines = data.split(b"\n")
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    starts = np.concatenate([[0], ends + 1]).astype(np.int64) + offset
    open_tail = not data.endswith(b"\n")
    if not open_tail:
        lines.pop()
        starts = starts[:-1]
    end = offset + len(data)
    longest = int(np.diff(np.append(starts, end)).max(initial=0))
    if longest <= max_record_bytes:
        return Block(lines, starts, [], end, open_tail)
    fits = [len(line) <= max_record_bytes for line in lines]
    long = [
        LongLine(int(start), len(line), hashlib.sha256(line).hexdigest())
        for line, start, ok in zip(lines, starts, fits, strict=True)
        if not ok
    ]
    kept = [line for line, ok in zip(lines, fits, strict=True) if ok]
    return Block(kept, starts[np.array(fits, bool)], long, end, open_tail)
