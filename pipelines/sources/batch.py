"""Rows gathered one by one, for the sources whose records are small or few: YouTube and jsonl."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.sources.authors import Accounts, author_key, bucket, bucket_key, tokens
from pipelines.sources.origin import Origin
from pipelines.sources.tables import LEDGER_TABLES, Fault, Tables, fault_of, quarantine_table
from pipelines.sources.values import micros
from schemas import AUTHORS, COMMENTS, POSTS
from schemas.contract import conform
from schemas.table import TIMESTAMP, Table

FLUSH_BYTES = 32 << 20
"""Raw bytes after which a batch is handed on."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """What every record of a file shares."""

    origin: Origin
    key: bytes
    accounts: Accounts
    keep_raw: bool


@dataclass(frozen=True)
class Author:
    """As the record names them; nothing of it is stored but token, kind and bucket."""

    platform: str
    id: str | None
    name: str | None
    title: str | None = None
    """The name that all forms of the platform's data give, where `name` is another one: a channel's title."""

    @property
    def key(self) -> str | None:
        return author_key(self.platform, self.id, self.name)

    @property
    def bucket(self) -> int | None:
        return bucket(bucket_key(self.platform, self.id, self.title or self.name))

    @property
    def shown(self) -> str | None:
        """The name that tells the kind of account; an author known by id alone is taken for a person."""
        return self.name or self.id


class Batch:
    """Counts records as they are met (`meet`) and takes each as a row (`add`) or a fault (`lose`)."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows: dict[str, list[tuple[Row, Author | None]]] = {table: [] for table in LEDGER_TABLES}
        self._faults: list[Fault] = []
        self._records = dict.fromkeys(LEDGER_TABLES, 0)
        self.raw_bytes = 0

    @property
    def is_full(self) -> bool:
        return self.raw_bytes >= FLUSH_BYTES

    def meet(self, table: str, size: int) -> None:
        """Count a raw record before it is looked into."""
        self._records[table] += 1
        self.raw_bytes += size

    def add(self, table: str, row: Row, author: Author | None, offset: int) -> None:
        row["source_offset"] = offset
        self._rows[table].append((row, author))

    def lose(self, table: str, offset: int, piece: bytes, error: str) -> None:
        self._faults.append(fault_of(table, offset, piece, error, keep_raw=self._context.keep_raw))

    def pass_by(self, fault: Fault) -> None:
        """Count a record that was not held, and lose it."""
        self._records[fault.table] += 1
        self._faults.append(fault)

    def tables(self) -> Tables:
        posts, post_authors = self._close("posts", POSTS)
        comments, comment_authors = self._close("comments", COMMENTS)
        return Tables(
            posts=posts,
            comments=comments,
            authors=pa.concat_tables([post_authors, comment_authors]),
            quarantine=quarantine_table(self._faults, self._context.origin.source_file),
            records=dict(self._records),
        )

    def _close(self, name: str, contract: Table) -> tuple[pa.Table, pa.Table]:
        rows = [row for row, _ in self._rows[name]]
        authors = [author for _, author in self._rows[name]]
        whos = [author.key if author else None for author in authors]
        shown = pa.array([author.shown if author else None for author in authors], pa.string())
        origin = self._context.origin
        retrieved = micros(origin.retrieved_at)
        extra = {
            "author_kind": self._context.accounts.kinds(shown),
            "author_bucket": pa.array([author.bucket if author else None for author in authors], pa.int16()),
            "source_file": pa.repeat(pa.scalar(origin.source_file), len(rows)),
        }
        columns = {}
        for field in contract.schema:
            if field.name in extra:
                columns[field.name] = extra[field.name]
                continue
            values = [row.get(field.name) for row in rows]
            if field.name == "retrieved_at":
                values = [retrieved if value is None else value for value in values]
            columns[field.name] = _array(values, field.type)
        table = conform(pa.table(columns), contract)
        given = pa.array([author is not None for author in authors], pa.bool_())
        tokened = tokens(self._context.key, pa.array(whos, pa.string()))
        ids = table[contract.key[-1]]
        return table, conform(pa.table({"id": ids, "token": tokened}).filter(given), AUTHORS)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Times are held as microseconds until here."""
    return pa.array(values, pa.int64()).cast(TIMESTAMP) if kind == TIMESTAMP else pa.array(values, kind)
