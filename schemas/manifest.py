"""Metadata at rest: what a version, a table's manifest and a work item's receipt say. Used by `pipelines.lake`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import LakeError, LedgerError

FORMAT = 1
FORGOTTEN = "forgotten"
"""The one reject reason whose rows are counted and not stored."""


class Record(BaseModel):
    """Base of all metadata: immutable, strict about unknown fields, with one canonical JSON form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> bytes:
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, data: bytes, *, where: str) -> Self:
        """Parse; raises LakeError naming the file and the first wrong field."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise LakeError(
                "not readable as lake metadata", where=where, field=field, expected=cls.__name__, got=first["msg"]
            ) from error


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and a final newline: equal values give equal bytes."""
    return (json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def fingerprint(value: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


class Ledger(Record):
    """Where the rows of a table went; `rows_in` is counted apart from the rest."""

    rows_in: int = Field(ge=0)
    accepted: int = Field(ge=0)
    rejected: dict[str, int] = {}
    quarantined: int = Field(default=0, ge=0)

    def check(self, table: str) -> None:
        """Raise LedgerError unless every row that went in is accounted for."""
        out = self.accepted + sum(self.rejected.values()) + self.quarantined
        if out != self.rows_in:
            raise LedgerError(
                "rows are missing or doubled", where=table, expected=f"{self.rows_in} rows in", got=f"{out} rows out"
            )

    def __add__(self, other: Ledger) -> Ledger:
        reasons = sorted({*self.rejected, *other.rejected})
        return Ledger(
            rows_in=self.rows_in + other.rows_in,
            accepted=self.accepted + other.accepted,
            rejected={reason: self.rejected.get(reason, 0) + other.rejected.get(reason, 0) for reason in reasons},
            quarantined=self.quarantined + other.quarantined,
        )


class Shard(Record):
    """A write-once Arrow IPC file; `path` is relative to the lake."""

    path: str
    bucket: int
    rows: int
    bytes: int
    sha256: str
    key_min: tuple[str | int | None, ...] = ()
    key_max: tuple[str | int | None, ...] = ()
    time_min: str | None = None
    time_max: str | None = None


class Input(Record):
    """A file that a run consumed; `name` is for people and enters no digest."""

    name: str
    source: str
    size: int
    sha256: str
    records: dict[str, int] = {}
    """Raw records by the table whose ledger counts them."""
    problem: str | None = None


class Manifest(Record):
    """One table at one version."""

    format: int = FORMAT
    table: str
    schema_version: int
    schema_fingerprint: str
    shards: tuple[Shard, ...]
    rejected_shards: tuple[Shard, ...] = ()
    ledger: Ledger
    inputs: tuple[Input, ...] = ()
    parents: dict[str, str] = {}
    """Digests of the tables that this one was made from."""
    recipe: dict[str, Any] = {}
    plan: str
    """Digest of everything that decides the content: equal plans need not run again."""
    code: str
    packages: dict[str, str] = {}
    notes: dict[str, Any] = {}
    """Figures of the run that are no row counts, such as alarms."""

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted hashes of all shards, accepted and rejected."""
        lines = sorted(f"accepted {s.sha256}" for s in self.shards)
        lines += sorted(f"rejected {s.sha256}" for s in self.rejected_shards)
        return hashlib.sha256("\n".join([self.table, *lines]).encode()).hexdigest()

    @model_validator(mode="after")
    def _shards_agree(self) -> Self:
        stored = sum(shard.rows for shard in self.shards)
        if stored != self.ledger.accepted:
            raise ValueError(f"shards hold {stored} accepted rows, the ledger {self.ledger.accepted}")
        rejected = sum(shard.rows for shard in self.rejected_shards)
        counted = sum(count for reason, count in self.ledger.rejected.items() if reason != FORGOTTEN)
        if rejected != counted:
            raise ValueError(f"shards hold {rejected} rejected rows, the ledger {counted}")
        return self


class TableRef(Record):
    manifest: str
    """Path of the manifest, relative to the lake."""
    digest: str


class Version(Record):
    """The commit point: one consistent state of all tables."""

    format: int = FORMAT
    version: int
    parent: int | None
    committed_at: str
    """RFC 3339; the only clock in the lake, and in no digest."""
    command: str
    tables: dict[str, TableRef]


class LakeSettings(Record):
    """What is fixed when a lake is created."""

    format: int = FORMAT
    buckets: int = Field(ge=1, le=65536)
    key_fingerprint: str


class Receipt(Record):
    """What a finished work item made; a resumed run takes it up instead of working again."""

    item: str
    shards: dict[str, tuple[Shard, ...]] = {}
    rejected_shards: dict[str, tuple[Shard, ...]] = {}
    ledgers: dict[str, Ledger] = {}
    parts: dict[str, PartFile] = {}
    """Exchange files by name, for the next phase."""
    notes: dict[str, Any] = {}

    def paths(self) -> list[str]:
        """All files that the item wrote."""
        shards = [shard.path for made in (self.shards, self.rejected_shards) for of in made.values() for shard in of]
        return shards + [part.path for part in self.parts.values()]


class PartFile(Record):
    """Rows on their way to their buckets: one Arrow IPC file, whose batches belong to one bucket each."""

    path: str
    rows: int
    batches: dict[int, tuple[int, ...]]
    """Bucket -> indices of its record batches."""


Receipt.model_rebuild()


def total(ledgers: Iterable[Ledger]) -> Ledger:
    """The sum of ledgers."""
    result = Ledger(rows_in=0, accepted=0)
    for ledger in ledgers:
        result = result + ledger
    return result
