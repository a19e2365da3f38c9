"""SQL over a lake: DuckDB on the Arrow datasets; a query by id reads the one bucket that can hold it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.lake.buckets import bucket_of
from pipelines.lake.reader import Lake
from schemas import TABLES
from schemas.errors import UserError


def query(lake: Lake, sql: str) -> pa.Table:
    """Run one SELECT; tables are the lake's (`posts`) or a version's (`"posts@3"`), accepted rows only.

    Raises UserError with DuckDB's message for a statement that it cannot run.
    """
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET python_enable_replacements = false")
        tree = _parse(connection, sql)
        names = [node["table_name"] for node in _nodes(tree, "BASE_TABLE")]
        for name in dict.fromkeys(names):
            table = name.partition("@")[0]
            if table in TABLES:
                wanted = _wanted_key(tree, TABLES[table].bucket_by) if len(names) == 1 else None
                connection.register(name, _dataset(lake, name, wanted))
        # What is registered is all that a query may see: no files, no network, no other database.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        raise UserError(str(error).splitlines()[0], where="query") from error
    finally:
        connection.close()


def _parse(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    found = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    tree: dict[str, Any] = json.loads(found[0][0])
    if tree.get("error"):
        message = str(tree.get("error_message", "not a SELECT")).splitlines()[0]
        hint = 'a version in double quotes: "posts@3"' if '"@"' in message else ""
        raise UserError(message, where="query", expected=hint)
    if len(tree["statements"]) != 1:
        raise UserError("one statement at a time", where="query", got=str(len(tree["statements"])))
    return tree


def _nodes(tree: Any, kind: str) -> Iterator[dict[str, Any]]:
    """All nodes of a type, wherever they stand in the statement."""
    if isinstance(tree, dict):
        if tree.get("type") == kind:
            yield tree
        for child in tree.values():
            yield from _nodes(child, kind)
    elif isinstance(tree, list):
        for child in tree:
            yield from _nodes(child, kind)


def _wanted_key(tree: dict[str, Any], column: str) -> str | None:
    """The text that `column` must equal for a row to count, None where the statement does not say so.

    Called for statements that name one table once, so that a column of that name is the table's.
    """
    node = tree["statements"][0]["node"]
    condition = node.get("where_clause")
    if not condition or node.get("from_table", {}).get("type") != "BASE_TABLE":
        return None
    parts = condition["children"] if condition.get("type") == "CONJUNCTION_AND" else [condition]
    for part in parts:
        if part.get("type") != "COMPARE_EQUAL":
            continue
        for one, other in ((part["left"], part["right"]), (part["right"], part["left"])):
            literal = other.get("literal") or {}
            is_column = one.get("type") == "COLUMN_REF" and one["column_names"][-1].lower() == column
            if is_column and literal.get("kind") == "STRING":
                return str(literal["text"])
    return None


def _dataset(lake: Lake, name: str, key: str | None) -> Any:
    at, table = lake.resolve(name)
    manifest = at.manifest(table)
    assert manifest is not None
    shards = manifest.shards
    if key is not None:
        bucket = bucket_of(key, at.settings.buckets)
        shards = tuple(shard for shard in shards if shard.bucket == bucket)
    return at.dataset(table, shards)
