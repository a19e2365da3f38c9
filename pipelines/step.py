"""A step is its own configuration: a frozen model that is called with a table and marks rows, never drops them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

STEP = "reject_step"
REASON = "reject_reason"


class Step(BaseModel):
    """Base of every step: immutable, and an unknown setting is an error.

    A subclass defines `__call__(self, table: pa.Table) -> pa.Table`, local to a row or to one post.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


def with_verdicts(table: pa.Table) -> pa.Table:
    """The table with the two verdict columns, null where they were absent."""
    for name in (STEP, REASON):
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    return table


def alive(table: pa.Table) -> pa.ChunkedArray:
    """True for the rows that no step has rejected."""
    return pc.is_null(table[REASON])


def reject(table: pa.Table, mask: pa.Array | pa.ChunkedArray, *, step: str, reason: str) -> pa.Table:
    """Mark the rows where `mask` is true with `reason`, unless an earlier step marked them; a null mask is false."""
    table = with_verdicts(table)
    hit = pc.and_(pc.fill_null(mask, False), alive(table))
    for name, value in ((STEP, step), (REASON, reason)):
        index = table.schema.get_field_index(name)
        marked = pc.if_else(hit, pa.scalar(value, pa.string()), table[name])
        table = table.set_column(index, name, marked)
    return table


def split_verdicts(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Accepted rows (without verdict columns) and rejected rows (with them)."""
    table = with_verdicts(table)
    keep = alive(table)
    return table.filter(keep).drop_columns([STEP, REASON]), table.filter(pc.invert(keep))
