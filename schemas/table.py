"""What a lake table is: its Arrow schema, its key and how it is bucketed. The other modules here declare them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")


def column(name: str, kind: pa.DataType, meaning: str, *, unit: str = "", nullable: bool = True) -> pa.Field:
    """A documented column; `meaning` and `unit` travel in the Arrow field's metadata."""
    metadata = {"description": meaning}
    if unit:
        metadata["unit"] = unit
    return pa.field(name, kind, nullable=nullable, metadata=metadata)


@dataclass(frozen=True)
class Table:
    """The contract of one lake table."""

    name: str
    version: int
    """Raised by every change of the schema; the snapshot of the version before stays readable."""
    meaning: str
    """What one row is."""
    key: tuple[str, ...]
    """Rows are unique by these columns and sorted by them inside a bucket."""
    bucket_by: str
    """The column whose hash chooses the bucket."""
    columns: tuple[pa.Field, ...]
    time: str | None = None
    """The column whose minimum and maximum a manifest keeps per shard, besides the key's."""

    @property
    def schema(self) -> pa.Schema:
        return pa.schema(self.columns, metadata={"table": self.name, "schema_version": str(self.version)})

    @property
    def rejected_schema(self) -> pa.Schema:
        """The schema of rejected rows: the table's own columns, then the step that rejected and its reason."""
        return self.schema.append(REJECT_STEP).append(REJECT_REASON)

    def describe(self) -> dict[str, Any]:
        """The contract as JSON values: what a snapshot file holds."""
        return {
            "table": self.name,
            "version": self.version,
            "meaning": self.meaning,
            "key": list(self.key),
            "bucket_by": self.bucket_by,
            "time": self.time,
            "columns": [
                {
                    "name": field.name,
                    "type": str(field.type),
                    "nullable": field.nullable,
                    **{k.decode(): v.decode() for k, v in sorted((field.metadata or {}).items())},
                }
                for field in self.columns
            ],
        }

    @property
    def fingerprint(self) -> str:
        """SHA-256 of names, types, nullability, key and bucketing; descriptions do not enter."""
        shape = self.describe()
        shape["columns"] = [[c["name"], c["type"], c["nullable"]] for c in shape["columns"]]
        del shape["meaning"]
        return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


REJECT_STEP = column("reject_step", pa.string(), "The step that rejected the row.", nullable=False)
REJECT_REASON = column("reject_reason", pa.string(), "Why; the first reason wins.", nullable=False)
