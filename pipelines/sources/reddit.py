"""Reddit: Pushshift and Arctic Shift dumps (JSON lines, plain or compressed) and API listings. Called by ingest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from operator import attrgetter, is_
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.sources.decoding import DECODE_ERRORS, decode_all, explain
from pipelines.sources.lines import Block
from pipelines.sources.origin import Origin
from pipelines.sources.reading import Content, read_document, read_lines, refuse_foreign
from pipelines.sources.reddit_records import (
    COMMENT,
    POST,
    Nested,
    Piece,
    expand,
    is_unknown,
    table_of,
)
from pipelines.sources.reddit_rows import Context, Rows, comment_rows, post_rows
from pipelines.sources.source import Source
from pipelines.sources.tables import LEDGER_TABLES, Fault, Tables, fault_of, quarantine_table, refusal

EXPECTED = "Reddit submissions, comments or listings in JSON"
Offsets = npt.NDArray[np.int64]
Run = tuple[Sequence[Any], Sequence[int] | Offsets, Sequence[bytes]]

UNKNOWN = "record: expected a submission (title) or a comment (link_id, body), got neither"


class Reddit(Source):
    """Reads `reddit:` inputs. A record is a line, or each post and comment inside a line's or document's listing."""

    def read(self, stream: BinaryIO, origin: Origin, key: bytes) -> Iterator[Tables]:
        """Tables of bounded size, in the order of the file; `key` is the lake's secret for author tokens."""
        content = Content(stream, origin)
        context = Context(origin, key, self.accounts())
        if not origin.is_chunk and (refused := refuse_foreign(content, origin, EXPECTED)):
            yield refused
        elif origin.is_chunk or content.is_lines:
            if not origin.is_chunk and (got := self.strange_lines(content.json_lines())):
                yield refusal(origin, f"expected {EXPECTED}, got {got}")
                return
            yield from read_lines(content, origin, self, table_of, partial(self._block, context=context))
        else:
            yield read_document(content, origin, self, EXPECTED, partial(self._document, context=context))

    def table_of(self, line: bytes) -> str | None:
        """The ledger table of a line's first record; what `plan_chunks` asks for."""
        return table_of(line)

    def strange_lines(self, lines: Iterable[bytes]) -> str | None:
        """What the lines hold if none of it is Reddit's (an empty listing is); what `plan_chunks` asks for."""
        found = [is_unknown(line) for line in lines]
        return "JSON lines of another kind" if found and all(found) else None

    def _document(self, data: bytes, offset: int, context: Context) -> Tables | str:
        """The tables of a JSON document over several lines, or what it is instead."""
        pieces = list(expand(data, offset))
        if pieces and not any(piece.table for piece in pieces):
            return "a JSON document without any"
        found = _Found()
        for piece in pieces:
            self._take(found, piece, "posts")
        return self._tables(found, context)

    def _block(self, block: Block, default: str, context: Context) -> Tables:
        """Most lines are plain records of the file's own table; the others are looked into one by one."""
        lines, offsets = block.lines, block.offsets
        decoder = COMMENT if default == "comments" else POST
        records: list[Any] = decode_all(decoder, lines)
        odd = _odd(records, default)
        found = _Found()
        if not odd:
            found.add(default, records, offsets, lines)
            return self._tables(found, context)
        odd_rows = set(odd)
        plain = [row for row in range(len(lines)) if row not in odd_rows]
        found.add(default, [records[r] for r in plain], offsets[plain], [lines[r] for r in plain])
        for row in odd:
            self._odd_line(found, lines[row], int(offsets[row]), default)
        return self._tables(found, context)

    def _odd_line(self, found: _Found, line: bytes, offset: int, default: str) -> None:
        if not line.strip():
            return
        try:
            pieces = list(expand(line, offset))
        except DECODE_ERRORS as error:
            found.lose(default, fault_of(default, offset, line, explain(error), keep_raw=self.keep_raw))
            return
        for piece in pieces:
            self._take(found, piece, default)

    def _take(self, found: _Found, piece: Piece, default: str) -> None:
        """Decode one piece into the table that it belongs to."""
        table = piece.table or default
        error = piece.error or UNKNOWN
        if piece.table:
            try:
                record: Any = (COMMENT if table == "comments" else POST).decode(piece.data)
            except DECODE_ERRORS as caught:
                error = explain(caught)
            else:
                found.add(table, [record], [piece.start], [piece.data])
                return
        found.lose(table, fault_of(table, piece.start, piece.data, error, keep_raw=self.keep_raw))

    def _tables(self, found: _Found, context: Context) -> Tables:
        faults = list(found.faults)
        rows: dict[str, Rows] = {}
        for table, build in (("posts", post_rows), ("comments", comment_rows)):
            records, offsets, pieces = found.in_order(table)
            rows[table] = build(records, offsets, context)  # type: ignore[operator]
            faults += [
                fault_of(table, int(offsets[row]), pieces[row], error, keep_raw=self.keep_raw)
                for row, error in rows[table].errors.items()
            ]
        return Tables(
            posts=rows["posts"].table,
            comments=rows["comments"].table,
            authors=pa.concat_tables([rows["posts"].authors, rows["comments"].authors]),
            quarantine=quarantine_table(faults, context.origin.source_file),
            records=dict(found.records),
        )


class _Found:
    """Decoded records per table with their places and bytes, and what could not be decoded."""

    def __init__(self) -> None:
        self._runs: dict[str, list[Run]] = {table: [] for table in LEDGER_TABLES}
        self.records = dict.fromkeys(LEDGER_TABLES, 0)
        self.faults: list[Fault] = []

    def add(
        self, table: str, records: Sequence[Any], offsets: Sequence[int] | Offsets, pieces: Sequence[bytes]
    ) -> None:
        """A run of records in the order of the file."""
        self._runs[table].append((records, offsets, pieces))
        # Places are counted, not records, so that a record lost in decoding would show in the ledger.
        self.records[table] += len(offsets)

    def lose(self, table: str, fault: Fault) -> None:
        self.faults.append(fault)
        self.records[table] += 1

    def in_order(self, table: str) -> Run:
        runs = self._runs[table]
        if len(runs) == 1:
            return runs[0]
        rows = [row for records, offsets, pieces in runs for row in zip(records, offsets, pieces, strict=True)]
        rows.sort(key=lambda row: row[1])
        return [row[0] for row in rows], [int(row[1]) for row in rows], [row[2] for row in rows]


def _odd(records: list[Any], table: str) -> list[int]:
    """Rows that are not plain records of the table: undecoded, of the other table, envelopes, with nested replies."""
    if table == "comments":
        if None not in records and _plain_comments(records):
            return []
        return [
            row
            for row, r in enumerate(records)
            if r is None or r.link_id is None or r.title is not None or type(r.replies) is Nested
        ]
    return [row for row, r in enumerate(records) if r is None or r.title is None or r.link_id is not None]


def _plain_comments(records: list[Any]) -> bool:
    """A quick yes for most blocks; a no is looked into."""
    num = len(records)
    absent = [sum(map(is_, repeat(None), map(attrgetter(name), records))) for name in ("link_id", "title", "replies")]
    return absent == [0, num, num]
