"""The ways into a table that users have, each giving its rows as plain Python values. Used by the tests of readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from pipelines import open_lake
from pipelines.lake.query import query

Rows = list[dict[str, Any]]


def through_pyarrow(lake: str, name: str) -> Rows:
    found: Rows = open_lake(lake).table(name).to_table().to_pylist()
    return found


def through_polars(lake: str, name: str) -> Rows:
    return pl.scan_pyarrow_dataset(open_lake(lake).table(name)).collect().to_dicts()


def through_duckdb(lake: str, name: str) -> Rows:
    posts = open_lake(lake).table(name)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("rows", posts)
    found: Rows = _with_schema(connection.sql("SELECT * FROM rows").to_arrow_table(), posts.schema)
    connection.close()
    return found


def through_query(lake: str, name: str) -> Rows:
    at = open_lake(lake)
    return _with_schema(query(at, f'SELECT * FROM "{name}"'), at.table(name).schema)


def through_datasets(lake: str, name: str) -> Rows:
    import datasets

    datasets.disable_progress_bars()
    posts = open_lake(lake).table(name)
    return _with_schema(datasets.Dataset(posts.to_table()).with_format("arrow")[:], posts.schema)


def _with_schema(table: pa.Table, schema: pa.Schema) -> Rows:
    """Other tools have their own names for the same types (large_string, another way to write UTC)."""
    found: Rows = table.cast(schema).to_pylist()
    return found


READERS: dict[str, Callable[[str, str], Rows]] = {
    "pyarrow": through_pyarrow,
    "polars": through_polars,
    "duckdb": through_duckdb,
    "query": through_query,
    "datasets": through_datasets,
}


def in_order(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: str(row["post_id"]))


UGLY_POSTS: Rows = [
    {"title": None, "likes": None, "media": [{"kind": "image", "url": "https://example.org/a b?c=%20"}]},
    {"title": "", "tags": [], "created_at": 0, "media": []},
    {"title": "\u00e9\u0301 \U0001f600 \u202e", "tags": ["a", None, ""], "likes": 2**62},
    {"title": "x" * 5000, "upvote_ratio": 0.5, "replay": [0.0, 1.0], "nsfw": True},
    {"title": "line\nbreak\ttab\x01", "likes": -3, "created_at": 1_577_836_800_123_456},
]
"""What tools tend to change: nulls, empty lists, wide text, large numbers, microseconds."""
