"""The rows of a CSV with their places and bytes, each within a limit of bytes. Used by `youtube_csv`.

Time is linear in the bytes and memory is bounded by the limit, whatever the lines and quotes are.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator

from pipelines.sources.reading import Content
from pipelines.sources.tables import RecordError


class TooLong(Exception):
    """A row beyond the limit: it was hashed, not held."""

    def __init__(self, limit: int, length: int, sha256: str) -> None:
        super().__init__(f"record: expected at most {limit} bytes, got {length}")
        self.length, self.sha256 = length, sha256


RowOrNot = list[str] | csv.Error | RecordError | TooLong
RawRow = tuple[RowOrNot, int, bytes]
"""The fields (or why there are none), where the row begins, its bytes (none of one that is too long)."""


class Lines:
    """The text lines of the stream, given to a csv reader one by one; `limit` is the most bytes of one row."""

    def __init__(self, content: Content, limit: int) -> None:
        self._pieces = iter(content)
        self._piece, self._at = b"", 0
        self._limit = limit
        self.offset = content.offset
        """Byte after the last line given."""
        self._taken: list[bytes] = []
        self._size = 0
        self.is_open = False
        """The stream ended inside a quoted field."""
        self._ends_at_line_end = True

    @property
    def is_cut(self) -> bool:
        """Whether the stream ended inside a row, if it ended before its time."""
        return self.is_open or not self._ends_at_line_end

    def begin(self) -> None:
        """The next line begins a row."""
        self._taken, self._size = [], 0

    @property
    def taken(self) -> bytes:
        """The bytes of the row."""
        return b"".join(self._taken)

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        parts: list[bytes] = []
        while not (parts and parts[-1].endswith(b"\n")) and (part := self._part()):
            parts.append(part)
            self._size += len(part)
            if self._size > self._limit:
                raise self._pass_by(parts)
        if not parts:
            # A csv reader that has begun a row asks for another line only inside quotes.
            self.is_open = self.is_open or bool(self._taken)
            raise StopIteration
        line = b"".join(parts)
        self._ends_at_line_end = line.endswith(b"\n")
        self._taken.append(line)
        return line.decode("utf-8", "surrogateescape")

    def _part(self) -> bytes:
        """Up to the end of a line or of a piece of the stream; nothing at its end."""
        while self._at >= len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece, self._at = piece, 0
        end = self._piece.find(b"\n", self._at) + 1 or len(self._piece)
        part = self._piece[self._at : end]
        self._at = end
        self.offset += len(part)
        return part

    def _pass_by(self, parts: list[bytes]) -> TooLong:
        """Read to the end of the row: to the first line end outside of quotes."""
        digest = hashlib.sha256(self.taken)
        inside = bool(self._taken)
        length = self._size - sum(map(len, parts))
        part = b""
        for part in parts:
            digest.update(part)
            length += len(part)
            inside ^= part.count(b'"') % 2 == 1
        while (inside or not part.endswith(b"\n")) and (more := self._part()):
            part = more
            digest.update(part)
            length += len(part)
            inside ^= part.count(b'"') % 2 == 1
        self.is_open, self._ends_at_line_end = inside, part.endswith(b"\n")
        self._taken = []
        return TooLong(self._limit, length, digest.hexdigest())


def read_rows(source: Lines) -> Iterator[RawRow]:
    """Each row; empty lines are none."""
    reader = csv.reader(source)
    while True:
        start = source.offset
        source.begin()
        row: RowOrNot | None
        try:
            row = next(reader, None)
        except TooLong as error:
            # The reader begins afresh at its next line, which begins a row.
            row = error
        except csv.Error as error:
            row = error
        if row is None:
            return
        piece = source.taken
        if row != [] and (piece.strip() or isinstance(row, TooLong)):
            yield row, start, piece
