"""Which of several observations of a post or comment counts: the latest, by a rule that knows no arrival order."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.lake.shards import gather
from pipelines.step import REASON, STEP
from schemas.manifest import canonical_json
from schemas.table import Table

SUPERSEDED = "superseded"
_PROVENANCE = ("retrieved_at", "source_file", "source_offset")


def latest(rows: pa.Table, contract: Table) -> tuple[pa.Table, pa.Table]:
    """Accepted rows, one a key, and the superseded ones with their verdict; both sorted by key, then observation.

    Order of observations: `retrieved_at` with null first, then a hash of the content, then `source_file`, then
    `source_offset`; the last one wins.
    """
    order, same_key = _observation_order(rows, contract)
    keep = np.ones(rows.num_rows, dtype=bool)
    keep[:-1] = ~same_key
    accepted = gather(rows, order[keep])
    superseded = gather(rows, order[~keep])
    for name, value in ((STEP, "ingest"), (REASON, SUPERSEDED)):
        superseded = superseded.append_column(
            contract.rejected_schema.field(name), pa.array([value] * superseded.num_rows, pa.string())
        )
    return accepted, superseded


def _observation_order(rows: pa.Table, contract: Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Row numbers in order, shape (rows,), and whether each has the key of the next, shape (rows - 1,)."""
    keys = list(contract.key)
    frame = pl.from_arrow(rows.select([*keys, "retrieved_at"]))
    assert isinstance(frame, pl.DataFrame)
    frame = frame.with_row_index("__row").sort([*keys, "retrieved_at", "__row"], nulls_last=False)
    order = frame["__row"].to_numpy().astype(np.int64)
    if rows.num_rows < 2:
        return order, np.zeros(0, dtype=bool)
    same_key = _equals_next(frame, keys)
    tied = same_key & _equals_next(frame, ["retrieved_at"])
    if tied.any():
        order = _break_ties(rows, order, tied)
    return order, same_key


def _equals_next(frame: pl.DataFrame, names: list[str]) -> npt.NDArray[np.bool_]:
    equal = frame.select(
        pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(-1)) for name in names).alias("equal")
    )["equal"]
    return equal.to_numpy()[:-1].astype(bool)


def _break_ties(rows: pa.Table, order: npt.NDArray[np.int64], tied: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    order = order.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], tied, [False]]).astype(np.int8)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        run = order[start : end + 1]
        observations = rows.take(pa.array(run)).to_pylist()
        ranked = sorted(range(len(run)), key=lambda i: _rank(observations[i]))
        order[start : end + 1] = run[ranked]
    return order


def _rank(row: dict[str, object]) -> tuple[bytes, str, int]:
    content = {name: value for name, value in row.items() if name not in _PROVENANCE}
    text = {name: str(value) if not isinstance(value, list | dict) else value for name, value in content.items()}
    source_file, offset = row["source_file"], row["source_offset"]
    assert isinstance(source_file, str)
    assert isinstance(offset, int)
    return hashlib.sha256(canonical_json(text)).digest(), source_file, offset


def merge_tokens(rows: pa.Table) -> pa.Table:
    """Distinct (id, token) pairs, sorted; a null token stays only for an id that has no other."""
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    frame = frame.unique(maintain_order=False)
    known = frame.filter(pl.col("token").is_not_null())
    unknown = frame.filter(pl.col("token").is_null()).join(known, on="id", how="anti")
    merged = pl.concat([known, unknown]).sort(["id", "token"], nulls_last=False)
    return merged.to_arrow().cast(rows.schema)


def count_reasons(rejected: pa.Table) -> dict[str, int]:
    """Rows by reject reason."""
    counted = pc.value_counts(rejected[REASON].combine_chunks()) if rejected.num_rows else []
    return {entry["values"].as_py(): entry["counts"].as_py() for entry in counted}
