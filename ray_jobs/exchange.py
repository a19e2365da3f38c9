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

_OUTBOX_BYTES = 64 * 2**20


def send(
    store: Store, phase: Phase, item: Item, name: str, rows: pa.Table, by: str, num_buckets: int
) -> dict[str, PartFile]:
    """Write rows to an exchange file, grouped by the bucket of column `by`; nothing is written for no rows."""
    if rows.num_rows == 0:
        return {}
    return {name: write_parts(store, phase.part_path(item.id, name), rows, buckets_of(rows[by], num_buckets))}


class Outbox:
    """Rows of several tables on their way to their buckets, written in few and large files: each costs a disk flush."""

    def __init__(self, store: Store, phase: Phase, item: Item, by: Mapping[str, str], num_buckets: int) -> None:
        self._store, self._phase, self._item, self._by, self._num_buckets = store, phase, item, by, num_buckets
        self._pending: dict[str, list[pa.Table]] = {}
        self._bytes = self._serial = 0
        self._parts: dict[str, PartFile] = {}

    def add(self, name: str, rows: pa.Table) -> None:
        """Take rows of a table; memory stays below about twice `_OUTBOX_BYTES`."""
        if rows.num_rows:
            self._pending.setdefault(name, []).append(rows)
            self._bytes += rows.nbytes
            if self._bytes > _OUTBOX_BYTES:
                self._flush()

    def close(self) -> dict[str, PartFile]:
        """Write what is left; the files by name and serial number."""
        self._flush()
        return self._parts

    def _flush(self) -> None:
        for name, tables in self._pending.items():
            rows = pa.concat_tables(tables)
            key = f"{name}.{self._serial}"
            self._parts |= send(self._store, self._phase, self._item, key, rows, self._by[name], self._num_buckets)
        self._pending, self._bytes, self._serial = {}, 0, self._serial + 1


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
