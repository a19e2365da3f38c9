"""Shards: content-addressed Arrow IPC files, and the exchange files that carry rows to their buckets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from pipelines.lake.canonical import canonical
from pipelines.storage import Store
from schemas.contract import check_readable, conform
from schemas.errors import LakeError
from schemas.manifest import PartFile, Shard
from schemas.table import REJECT_REASON, REJECT_STEP, Table

# zstd level 1: a third of the bytes at 250 MB/s a core; the bytes are fixed by the pinned pyarrow.
_OPTIONS = pa.ipc.IpcWriteOptions(
    compression=pa.Codec("zstd", compression_level=1), use_threads=False, emit_dictionary_deltas=False
)
_BATCH_BYTES = 8 * 2**20
_MIN_ROWS_PER_BATCH, _MAX_ROWS_PER_BATCH = 16, 65_536
_MAX_SHARD_BYTES = 512 * 2**20
_WHAT_NOW = "`postlake verify` lists all damage"


def write_shards(store: Store, contract: Table, rows: pa.Table, bucket: int, *, rejected: bool = False) -> list[Shard]:
    """Write rows, already sorted, as write-once shards named by their content; no shard for no rows.

    A bucket above 512 MiB of Arrow memory is cut into equal shards, at places that depend on its content alone.
    """
    if rows.num_rows == 0:
        return []
    schema = contract.rejected_schema if rejected else contract.schema
    rows = canonical(conform(rows, schema, where=f"{contract.name} bucket {bucket}"))
    pieces = max(1, -(-rows.nbytes // _MAX_SHARD_BYTES))
    per_piece = -(-rows.num_rows // pieces)
    folder = f"{contract.name}/{'rejected' if rejected else 'data'}"
    return [
        _write_shard(store, contract, rows.slice(start, per_piece), bucket, folder)
        for start in range(0, rows.num_rows, per_piece)
    ]


def _write_shard(store: Store, contract: Table, rows: pa.Table, bucket: int, folder: str) -> Shard:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, rows.schema, options=_OPTIONS) as writer:
        writer.write_table(canonical(rows), max_chunksize=_rows_per_batch(rows))
    data = sink.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    path = f"{folder}/{digest[:16]}.arrow"
    store.keep(path, data)
    times = rows[contract.time] if contract.time else None
    bounds = pc.min_max(times).as_py() if times is not None else {"min": None, "max": None}
    return Shard(
        path=path,
        bucket=bucket,
        rows=rows.num_rows,
        bytes=data.size,
        sha256=digest,
        key_min=tuple(rows[name][0].as_py() for name in contract.key),
        key_max=tuple(rows[name][-1].as_py() for name in contract.key),
        time_min=_rfc3339(bounds["min"]),
        time_max=_rfc3339(bounds["max"]),
    )


def _rows_per_batch(rows: pa.Table) -> int:
    """Batches of about 8 MiB: what a reader of single rows, such as the feed of keyframes, must decompress for one."""
    wanted = rows.num_rows * _BATCH_BYTES // max(1, rows.nbytes)
    return int(min(max(wanted, _MIN_ROWS_PER_BATCH), _MAX_ROWS_PER_BATCH))


def _rfc3339(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def check_shard(store: Store, contract: Table, shard: Shard) -> None:
    """Raise ContractError, naming the field, unless the stored schema can be read as the contract's present one."""
    with _opened(store, shard) as reader:
        check_stored(reader.schema, contract, where=store.full(shard.path))


def shard_missing(where: str) -> LakeError:
    """The error for a shard that is not where its manifest says; `where` is its full path."""
    return LakeError(f"shard is missing; {_WHAT_NOW}", where=where)


@contextmanager
def _opened(store: Store, shard: Shard) -> Iterator[pa.ipc.RecordBatchFileReader]:
    where = store.full(shard.path)
    try:
        with store.arrow(shard.path) as file, pa.ipc.open_file(file) as reader:
            yield reader
    except FileNotFoundError as error:
        raise shard_missing(where) from error
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # The disk's or the network's trouble; what Arrow says of bad bytes has no number.
        raise LakeError(f"shard is not a whole Arrow file; {_WHAT_NOW}", where=where, got=str(error)) from error


def check_stored(stored: pa.Schema, contract: Table, *, where: str = "") -> None:
    """`check_readable` for a shard of accepted or of rejected rows."""
    verdicts = {REJECT_STEP.name, REJECT_REASON.name}
    check_readable(pa.schema([field for field in stored if field.name not in verdicts]), contract, where=where)


def read_shard(
    store: Store, contract: Table, shard: Shard, *, columns: list[str] | None = None, rejected: bool = False
) -> pa.Table:
    """The rows of a shard in the contract's present schema; raises LakeError or ContractError naming the shard."""
    where = store.full(shard.path)
    with _opened(store, shard) as reader:
        stored = reader.schema
        table = reader.read_all()
    check_stored(stored, contract, where=where)
    table = conform(table, contract.rejected_schema if rejected else contract.schema, where=where)
    return table.select(columns) if columns else table


def read_shards(
    store: Store,
    contract: Table,
    shards: Iterable[Shard],
    *,
    columns: list[str] | None = None,
    rejected: bool = False,
) -> pa.Table:
    """The rows of several shards, in the given order."""
    schema = contract.rejected_schema if rejected else contract.schema
    if columns:
        schema = pa.schema([schema.field(name) for name in columns])
    tables = [read_shard(store, contract, shard, columns=columns, rejected=rejected) for shard in shards]
    return pa.concat_tables([schema.empty_table(), *tables])


def write_parts(store: Store, path: str, rows: pa.Table, buckets: npt.NDArray[np.int64]) -> PartFile:
    """Write rows grouped by bucket into one exchange file; the order inside a bucket is kept."""
    order = np.argsort(buckets, kind="stable")
    grouped = gather(rows, order)
    sorted_buckets = buckets[order]
    present, starts = np.unique(sorted_buckets, return_index=True)
    ends = [*starts[1:], len(sorted_buckets)] if len(starts) else []
    sink = pa.BufferOutputStream()
    batches: dict[int, tuple[int, ...]] = {}
    written = 0
    with pa.ipc.new_file(sink, grouped.schema) as writer:
        for bucket, start, end in zip(present, starts, ends, strict=True):
            pieces = grouped.slice(int(start), int(end - start)).combine_chunks().to_batches()
            for piece in pieces:
                writer.write_batch(piece)
            batches[int(bucket)] = tuple(range(written, written + len(pieces)))
            written += len(pieces)
    store.put(path, sink.getvalue())
    return PartFile(path=path, rows=rows.num_rows, batches=batches)


def read_parts(store: Store, parts: Iterable[PartFile], bucket: int, schema: pa.Schema) -> pa.Table:
    """The rows of one bucket from several exchange files, in the order of the files."""
    tables = [schema.empty_table()]
    for part in parts:
        indices = part.batches.get(bucket, ())
        if indices:
            with store.arrow(part.path) as file, pa.ipc.open_file(file) as reader:
                batches = [reader.get_batch(index) for index in indices]
                tables.append(pa.Table.from_batches(batches).cast(schema))
    return pa.concat_tables(tables)


def gather(rows: pa.Table, order: npt.NDArray[np.int64]) -> pa.Table:
    """The rows in the given order."""
    # Polars gathers text several times faster than Arrow's take; nested and fixed-size types come back changed.
    if any(pa.types.is_nested(field.type) for field in rows.schema):
        return rows.take(pa.array(order))
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame[order].to_arrow().cast(rows.schema)


def sort_rows(rows: pa.Table, by: Iterable[str]) -> pa.Table:
    """The rows in ascending order of the given columns, nulls first, strings by bytes; stable."""
    keys = pl.from_arrow(rows.select(list(by)))
    assert isinstance(keys, pl.DataFrame)
    order = keys.with_row_index("__row").sort([*by, "__row"], nulls_last=False, maintain_order=True)["__row"]
    return gather(rows, order.to_numpy().astype(np.int64))
