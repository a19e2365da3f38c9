"""Writing a column of a step; used by the steps that add one."""

from __future__ import annotations

import pyarrow as pa


def set_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """The table with the column in its place, or appended where it had none."""
    index = table.schema.get_field_index(name)
    return table.append_column(name, values) if index < 0 else table.set_column(index, name, values)
