"""Making tables fit their contract, and telling whether an older schema still does."""

from __future__ import annotations

import pyarrow as pa

from schemas.errors import ContractError
from schemas.table import Table


def conform(table: pa.Table, contract: pa.Schema | Table, *, where: str = "") -> pa.Table:
    """The table with exactly the contract's columns, order and types; absent nullable columns become null.

    Raises ContractError, naming the column, for an unknown column, a value that the declared type cannot hold, or a
    null where none may be.
    """
    schema = contract.schema if isinstance(contract, Table) else contract
    for name in table.column_names:
        if schema.get_field_index(name) < 0:
            raise ContractError("unknown column", where=where, field=name, expected=", ".join(schema.names))
    columns = [_column(table, field, where) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _column(table: pa.Table, field: pa.Field, where: str) -> pa.ChunkedArray:
    index = table.schema.get_field_index(field.name)
    if index < 0:
        if not field.nullable:
            raise ContractError("missing column", where=where, field=field.name, expected=str(field.type))
        return pa.chunked_array([pa.nulls(table.num_rows, field.type)])
    values = table.column(index)
    if values.type != field.type:
        # A cast would drop the fields that the contract does not have, and their values with them.
        unknown = _unknown_field(values.type, field.type, field.name)
        if unknown:
            raise ContractError("unknown field", where=where, field=unknown, expected=str(field.type))
        try:
            values = values.cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            got = f"{values.type}: {error}"
            raise ContractError(
                "wrong type", where=where, field=field.name, expected=str(field.type), got=got
            ) from error
    if values.null_count and not field.nullable:
        raise ContractError(
            "null in a column that has none", where=where, field=field.name, got=f"{values.null_count} nulls"
        )
    return values


def _unknown_field(given: pa.DataType, declared: pa.DataType, path: str) -> str | None:
    """The path of a nested field that the declared type does not have."""
    if pa.types.is_list(given) or pa.types.is_large_list(given):
        return _unknown_field(given.value_type, declared.value_type, path) if pa.types.is_list(declared) else None
    if not (pa.types.is_struct(given) and pa.types.is_struct(declared)):
        return None
    for child in given:
        if declared.get_field_index(child.name) < 0:
            return f"{path}.{child.name}"
        found = _unknown_field(child.type, declared.field(child.name).type, f"{path}.{child.name}")
        if found:
            return found
    return None


def check_readable(old: pa.Schema, contract: Table, *, where: str = "") -> None:
    """Raise ContractError, naming the field, unless data written as `old` can be read as `contract`.

    Compatible: a nullable column added, a description changed, a number widened, a column that may now be null.
    """
    for field in contract.schema:
        index = old.get_field_index(field.name)
        if index < 0:
            if not field.nullable:
                raise ContractError(
                    "a required column is missing", where=where, field=field.name, expected=str(field.type)
                )
            continue
        stored = old.field(index)
        if not _widens(stored.type, field.type):
            raise ContractError(
                "incompatible type", where=where, field=field.name, expected=str(field.type), got=str(stored.type)
            )
        if stored.nullable and not field.nullable:
            raise ContractError(
                "stored column may hold nulls", where=where, field=field.name, expected="no nulls", got="nullable"
            )
    for name in old.names:
        if contract.schema.get_field_index(name) < 0:
            raise ContractError("a stored column is unknown", where=where, field=name, got=str(old.field(name).type))


def _widens(old: pa.DataType, new: pa.DataType) -> bool:
    if old == new:
        return True
    if pa.types.is_integer(old) and pa.types.is_integer(new):
        same_sign = pa.types.is_signed_integer(old) == pa.types.is_signed_integer(new)
        return same_sign and bool(new.bit_width >= old.bit_width)
    if pa.types.is_floating(old) and pa.types.is_floating(new):
        return bool(new.bit_width >= old.bit_width)
    if pa.types.is_list(old) and pa.types.is_list(new):
        return _widens(old.value_type, new.value_type)
    if pa.types.is_struct(old) and pa.types.is_struct(new):
        return all(new.get_field_index(f.name) >= 0 and _widens(f.type, new.field(f.name).type) for f in old)
    text = pa.types.is_string(old) and pa.types.is_large_string(new)
    blob = pa.types.is_binary(old) and pa.types.is_large_binary(new)
    return bool(text or blob)
