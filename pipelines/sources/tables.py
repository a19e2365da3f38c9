"""What reading gives: Arrow tables, raw record counts, the file's fault. Made by every source, taken by ingest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from pipelines.sources.origin import Origin
from schemas import AUTHORS, COMMENTS, POSTS, QUARANTINE

LEDGER_TABLES = ("posts", "comments")


@dataclass(frozen=True)
class Tables:
    """One bounded batch of what a file holds; each table has its contract's schema."""

    posts: pa.Table
    comments: pa.Table
    authors: pa.Table
    """One row per accepted post or comment that has an author field."""
    quarantine: pa.Table
    records: dict[str, int]
    """Raw records seen per ledger table, counted before parsing: records[t] == rows of t + quarantined for t."""
    problem: str | None = None
    """The fault of the file as a whole; set in the last batch at most."""


@dataclass(frozen=True)
class Fault:
    """A piece of the input that gives no row. `length` and `sha256` are null where its end was not reached."""

    table: str
    offset: int
    length: int | None
    sha256: str | None
    error: str
    raw: bytes | None = None


# Fields that name a person (author_id, authorDisplayName, uploader_id, channelTitle): errors do not hold their values.
_PERSONAL = re.compile(r"(^|[._])(author|uploader|channel(title|_title|_name)?$)", re.IGNORECASE)


class RecordError(Exception):
    """A record that cannot become a row: the field, what was expected there, what was got."""

    def __init__(self, field: str, expected: str, got: object) -> None:
        shown = _kind(got) if _PERSONAL.search(field) else show(got)
        super().__init__(f"{brief(field, 60)}: expected {expected}, got {shown}")


class Words(str):
    """What was got, in words: shown without quotes."""


def show(value: object) -> str:
    """A short form of a value for an error line; the content of a long one is cut, containers show their kind only."""
    if isinstance(value, Words):
        return value
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "an array"
    if value is None:
        return "null"
    text = repr(value) if not isinstance(value, int | float) or isinstance(value, bool) else _number(value)
    return text if len(text) <= 40 else text[:37] + "..."


def brief(text: str, limit: int) -> str:
    """A text from the input, cut to `limit` characters, that UTF-8 can hold."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _kind(value: object) -> str:
    """What a value is, without what it says."""
    if isinstance(value, str) and not isinstance(value, Words):
        return "another string"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number"
    return show(value)


def _number(value: int | float) -> str:
    # Python refuses to print integers beyond 4300 digits.
    return str(value) if isinstance(value, float) or value.bit_length() < 256 else "an integer beyond 256 bits"


def fault_of(table: str, offset: int, piece: bytes, error: str, *, keep_raw: bool) -> Fault:
    """The fault of a piece that was read to its end."""
    digest = hashlib.sha256(piece).hexdigest()
    return Fault(table, offset, len(piece), digest, error, piece if keep_raw else None)


def quarantine_table(faults: Iterable[Fault], source_file: str) -> pa.Table:
    """The quarantine rows, in order of offset."""
    rows = [
        {
            "table": f.table,
            "source_file": source_file,
            "offset": f.offset,
            "length": f.length,
            "sha256": f.sha256,
            "error": f.error,
            "raw": f.raw,
        }
        for f in sorted(faults, key=lambda f: (f.offset, f.error))
    ]
    return pa.Table.from_pylist(rows, schema=QUARANTINE.schema)


def only_faults(faults: Sequence[Fault], origin: Origin, problem: str | None = None) -> Tables:
    """The batch of pieces that gave no row, each of which counts as one record."""
    return Tables(
        posts=POSTS.schema.empty_table(),
        comments=COMMENTS.schema.empty_table(),
        authors=AUTHORS.schema.empty_table(),
        quarantine=quarantine_table(faults, origin.source_file),
        records={table: sum(fault.table == table for fault in faults) for table in LEDGER_TABLES},
        problem=problem,
    )


def with_faults(tables: Tables, faults: Sequence[Fault], origin: Origin) -> Tables:
    """The batch with more lost pieces, still in order of offset."""
    if not faults:
        return tables
    more = only_faults(faults, origin)
    quarantine = pa.concat_tables([tables.quarantine, more.quarantine]).sort_by([("offset", "ascending")])
    records = {table: tables.records[table] + more.records[table] for table in LEDGER_TABLES}
    return replace(tables, quarantine=quarantine.combine_chunks(), records=records)


def refusal(origin: Origin, problem: str) -> Tables:
    """The answer to a file that is not what it was declared to be: one lost record, and the problem."""
    return only_faults([Fault("posts", origin.offset, None, None, problem)], origin, problem)
