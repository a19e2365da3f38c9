"""What differs between two versions, and why: inputs, recipe, code, libraries; else the first rows that do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from pipelines.lake.reader import Lake, open_lake
from pipelines.lake.shards import read_shards
from schemas import TABLES
from schemas.manifest import Input, Manifest, Shard

_MAX_ROWS = 5


@dataclass(frozen=True)
class Difference:
    """One table of two versions; every pair is (of A, of B)."""

    table: str
    digests: tuple[str | None, str | None]
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Ledger entries that differ."""
    causes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """What decides the content and differs, such as `inputs` and `recipe.ranking.keep`."""
    surroundings: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Code and library versions that differ; they should change no byte, and may explain one."""
    bucket: int | None = None
    """The first bucket that differs, looked for where no cause does."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Its first rows that differ: their key, and the columns as (of A, of B)."""


def open_at(text: str) -> Lake:
    """`LAKE` or `LAKE@N`."""
    found = re.fullmatch(r"(.+)@(\d+)", text)
    return open_lake(found[1], version=int(found[2])) if found else open_lake(text)


def diff(a: Lake, b: Lake) -> list[Difference]:
    """The tables whose digests differ, in the order of the schemas; empty if A and B are the same data."""
    found = []
    for table in TABLES:
        one, two = a.manifest(table), b.manifest(table)
        if (one.digest if one else None) == (two.digest if two else None):
            continue
        if one is None or two is None:
            found.append(Difference(table, (one.digest if one else None, two.digest if two else None)))
        else:
            found.append(_compare(a, b, one, two))
    return found


def _compare(a: Lake, b: Lake, one: Manifest, two: Manifest) -> Difference:
    causes = dict(_causes(one, two))
    if a.settings.buckets != b.settings.buckets:
        causes["buckets"] = (a.settings.buckets, b.settings.buckets)
    if one.table == "authors" and a.settings.key_fingerprint != b.settings.key_fingerprint:
        causes["key"] = (a.settings.key_fingerprint, b.settings.key_fingerprint)
    bucket, rows = (None, []) if causes else _first_rows(a, b, one, two)
    return Difference(
        one.table,
        (one.digest, two.digest),
        counts=_differing(_counts(one), _counts(two), 0),
        causes=causes,
        surroundings=_differing({"code": one.code, **one.packages}, {"code": two.code, **two.packages}),
        bucket=bucket,
        rows=rows,
    )


def _causes(one: Manifest, two: Manifest) -> Iterator[tuple[str, tuple[Any, Any]]]:
    inputs, others = _inputs(one.inputs), _inputs(two.inputs)
    if inputs.keys() != others.keys():
        yield "inputs", ([inputs[k] for k in inputs if k not in others], [others[k] for k in others if k not in inputs])
    yield from _differing(_flat(one.recipe, "recipe"), _flat(two.recipe, "recipe")).items()
    # An ingested table's parents are what it was before: how it came to be, not what it is made of.
    if not one.inputs and not two.inputs:
        parents = _differing(one.parents, two.parents)
        yield from ((f"parent {name}", pair) for name, pair in parents.items())
    if one.schema_fingerprint != two.schema_fingerprint:
        yield "schema", (f"version {one.schema_version}", f"version {two.schema_version}")


def _inputs(inputs: tuple[Input, ...]) -> dict[tuple[str, str], str]:
    return {(i.source, i.sha256): f"{i.source}:{i.name} ({i.sha256[:12]})" for i in inputs}


def _flat(value: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Nested settings under dotted names."""
    flat: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, dict):
            flat |= _flat(part, f"{prefix}.{name}")
        else:
            flat[f"{prefix}.{name}"] = part
    return flat


def _differing(one: Mapping[str, Any], two: Mapping[str, Any], absent: Any = None) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (one.get(name, absent), two.get(name, absent)) for name in sorted({*one, *two})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _counts(manifest: Manifest) -> dict[str, int]:
    ledger = manifest.ledger
    rejected = {f"rejected: {reason}": count for reason, count in ledger.rejected.items()}
    return {
        "rows_in": ledger.rows_in,
        "accepted": ledger.accepted,
        **rejected,
        "quarantined": ledger.quarantined,
    }


def _first_rows(a: Lake, b: Lake, one: Manifest, two: Manifest) -> tuple[int | None, list[dict[str, Any]]]:
    for rejected in (False, True):
        shards = [_by_bucket(m.rejected_shards if rejected else m.shards) for m in (one, two)]
        for bucket in sorted({*shards[0], *shards[1]}):
            pair = shards[0].get(bucket, []), shards[1].get(bucket, [])
            if [s.sha256 for s in pair[0]] == [s.sha256 for s in pair[1]]:
                continue
            contract = TABLES[one.table]
            tables = [
                read_shards(lake.store, contract, mine, rejected=rejected)
                for lake, mine in zip((a, b), pair, strict=True)
            ]
            return bucket, _differing_rows(contract.key, *tables)
    return None, []


def _by_bucket(shards: tuple[Shard, ...]) -> dict[int, list[Shard]]:
    found: dict[int, list[Shard]] = {}
    for shard in shards:
        found.setdefault(shard.bucket, []).append(shard)
    return found


def _differing_rows(key: tuple[str, ...], one: pa.Table, two: pa.Table) -> list[dict[str, Any]]:
    """The first rows that differ, by key; equal rows in other file bytes give none."""
    found: list[dict[str, Any]] = []
    for mine, other in zip_longest(_keyed(key, one), _keyed(key, two), fillvalue=((), None)):
        if mine == other:
            continue
        if mine[0] != other[0]:
            # The two go out of step here: what follows differs by place, not by content.
            names = [dict(zip(key, values, strict=False)) or None for values in (mine[0], other[0])]
            return [*found, {"key": names[0] or names[1], "columns": {"row": tuple(names)}}]
        columns = _differing(mine[1] or {}, other[1] or {})
        found.append({"key": dict(zip(key, mine[0], strict=True)), "columns": columns})
        if len(found) == _MAX_ROWS:
            break
    return found


def _keyed(key: tuple[str, ...], table: pa.Table) -> Iterator[tuple[tuple[Any, ...], dict[str, Any] | None]]:
    for batch in table.to_batches():
        for row in batch.to_pylist():
            yield tuple(row[name] for name in key), row
