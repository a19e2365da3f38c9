"""Moving rows to their buckets between the phases of a stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from pipelines.lake.buckets import buckets_of
from pipelines.lake.runs import Phase
from pipelines.lake.shards import read_parts, write_parts
from pipelines.storage import Store
from ray_jobs.runtime import Item
from schemas.manifest import PartFile, Receipt


def send(
    store: Store, phase: Phase, item: Item, name: str, rows: pa.Table, by: str, num_buckets: int
) -> dict[str, PartFile]:
    """Write rows to an exchange file, grouped by the bucket of column `by`; nothing is written for no rows."""
    if rows.num_rows == 0:
        return {}
    return {name: write_parts(store, phase.part_path(item.id, name), rows, buckets_of(rows[by], num_buckets))}


def received(receipts: Iterable[Receipt], name: str) -> dict[int, list[dict[str, Any]]]:
    """For each bucket, the exchange files of that name which hold rows for it, as an item's payload.

    A file's name may carry a serial number (`posts.3`); files are ordered by item, then by that number.
    """
    found: dict[int, list[dict[str, Any]]] = {}
    for receipt in sorted(receipts, key=lambda receipt: receipt.item):
        mine = [(key, part) for key, part in receipt.parts.items() if key.partition(".")[0] == name]
        for _, part in sorted(mine, key=lambda pair: int(pair[0].partition(".")[2] or 0)):
            for bucket, batches in part.batches.items():
                found.setdefault(bucket, []).append(
                    {"path": part.path, "rows": part.rows, "batches": {bucket: batches}}
                )
    return found


def receive(store: Store, files: Iterable[Mapping[str, Any]], bucket: int, schema: pa.Schema) -> pa.Table:
    """The rows of one bucket out of the exchange files that `received` named."""
    return read_parts(store, (PartFile.model_validate(value) for value in files), bucket, schema)
