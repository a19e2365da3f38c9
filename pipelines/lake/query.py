"""SQL over a lake: DuckDB on the Arrow datasets; a query by id reads the one bucket that can hold it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.lake.buckets import bucket_of
from pipelines.lake.reader import Lake
from pipelines.lake.shards import read_shard
from schemas import TABLES
from schemas.errors import UserError
from schemas.manifest import Shard

_REJECTED = "_rejected"


@dataclass(frozen=True)
class _Rows:
    """What a name in a statement stands for: shards of a table at a version, of its accepted or its rejected rows."""

    lake: Lake
    table: str
    shards: Sequence[Shard]
    rejected: bool


def query(lake: Lake, sql: str) -> pa.Table:
    """Run one SELECT; tables are the lake's (`posts`) or a version's (`"posts@3"`), accepted rows, or `posts_rejected`.

    Raises UserError with DuckDB's message for a statement that it cannot run, LakeError naming a shard that is missing
    or not whole.
    """
    used: list[_Rows] = []
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET python_enable_replacements = false")
        tree = _parse(connection, sql)
        names = [node["table_name"] for node in _nodes(tree, "BASE_TABLE")]
        for name in dict.fromkeys(names):
            table = name.partition("@")[0].removesuffix(_REJECTED)
            if table in TABLES:
                wanted = _wanted_key(tree, TABLES[table].bucket_by) if len(names) == 1 else None
                rows = _rows(lake, name, wanted)
                used.append(rows)
                connection.register(name, rows.lake.dataset(table, rows.shards, rejected=rows.rejected))
        # What is registered is all that a query may see: no files, no network, no other database.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection.sql(sql).to_arrow_table()
    except duckdb.InvalidInputException as error:
        # A damaged shard shows only while rows are fetched, and DuckDB does not always say which one it was.
        for rows in used:
            for shard in rows.shards:
                read_shard(lake.store, TABLES[rows.table], shard, rejected=rows.rejected)
        raise UserError(str(error).splitlines()[0], where="query") from error
    except duckdb.CatalogException as error:
        raise _unknown(lake, str(error).splitlines()[0]) from error
    except duckdb.Error as error:
        raise UserError(str(error).splitlines()[0], where="query") from error
    finally:
        connection.close()


def _unknown(lake: Lake, message: str) -> UserError:
    """DuckDB's word for a name that it does not know; for a table's, with the names that it would know."""
    table = re.match(r"Catalog Error: Table with name (.+) does not exist!", message)
    if table is None:
        return UserError(message, where="query")
    known = ", ".join(sorted(lake.version.tables)) or "none yet"
    expected = f"{known}; each also as TABLE{_REJECTED}" if lake.version.tables else known
    return UserError("no such table in this version", where="query", expected=expected, got=table[1])


def _parse(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    found = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    tree: dict[str, Any] = json.loads(found[0][0])
    if tree.get("error"):
        message = str(tree.get("error_message", "not a SELECT")).splitlines()[0]
        if message.startswith("Only SELECT statements"):
            raise UserError("only SELECT statements; a lake is changed by other commands", where="query")
        hint = 'a version in double quotes: "posts@3"' if '"@"' in message else ""
        raise UserError(message, where="query", expected=hint)
    if not tree["statements"]:
        raise UserError("the query is empty", where="query", expected="a SELECT statement")
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
    condition, source = node.get("where_clause"), node.get("from_table") or {}
    # `posts AS p(a, b, ...)` may call any column by this name.
    if not condition or source.get("type") != "BASE_TABLE" or source.get("column_name_alias"):
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


def _rows(lake: Lake, name: str, key: str | None) -> _Rows:
    """The rows that `TABLE`, `TABLE@N` or `TABLE_rejected` names, in the shards that can hold the key."""
    table, sign, number = name.partition("@")
    rejected = table.endswith(_REJECTED)
    at, table = lake.resolve(table.removesuffix(_REJECTED) + sign + number)
    manifest = at.manifest(table)
    assert manifest is not None
    shards = manifest.rejected_shards if rejected else manifest.shards
    if key is not None:
        bucket = bucket_of(key, at.settings.buckets)
        shards = tuple(shard for shard in shards if shard.bucket == bucket)
    return _Rows(at, table, shards, rejected)
