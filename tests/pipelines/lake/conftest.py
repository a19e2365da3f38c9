"""A small lake, written through the real shard and commit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.lake.buckets import buckets_of
from pipelines.lake.commit import Draft, create_or_open
from pipelines.lake.shards import sort_rows, write_shards
from schemas import TABLES
from schemas.contract import conform
from schemas.manifest import Ledger, Manifest, Shard


def post(number: int, **values: Any) -> dict[str, Any]:
    return {
        "post_id": f"reddit:{number:x}",
        "platform": "reddit",
        "source_file": "f" * 64,
        "source_offset": number,
        "title": f"title {number}",
        "likes": number,
        **values,
    }


def write_table(draft: Draft, name: str, rows: list[dict[str, Any]]) -> Manifest:
    """Write rows into the draft's store, bucket by bucket, and return the manifest."""
    contract = TABLES[name]
    schema = pa.schema([f for f in contract.schema if any(f.name in row for row in rows)])
    table = conform(pa.Table.from_pylist(rows, schema=schema), contract)
    buckets = buckets_of(table[contract.bucket_by], draft.settings.buckets)
    shards: list[Shard] = []
    for bucket in sorted(set(buckets.tolist())):
        mine = sort_rows(table.filter(pa.array(buckets == bucket)), contract.key)
        shards += write_shards(draft.store, contract, mine, bucket)
    return Manifest(
        table=name,
        schema_version=contract.version,
        schema_fingerprint=contract.fingerprint,
        shards=tuple(shards),
        ledger=Ledger(rows_in=len(rows), accepted=len(rows)),
        plan=f"{name}-{len(rows)}",
        code="test",
    )


@pytest.fixture
def make_lake(tmp_path: Path) -> Callable[..., Draft]:
    def make(posts: int = 50, name: str = "lake", **tables: list[dict[str, Any]]) -> Draft:
        draft = create_or_open(str(tmp_path / name), buckets=4)
        draft.update({"posts": write_table(draft, "posts", [post(i) for i in range(posts)])})
        draft.update({table: write_table(draft, table, rows) for table, rows in tables.items()})
        draft.publish("test")
        return create_or_open(str(tmp_path / name))

    return make
