"""What the stages share: how receipts become manifests, and what provenance goes into them."""

from __future__ import annotations

import importlib.metadata
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.lake.reader import Lake
from pipelines.lake.runs import plan_digest
from schemas import TABLES
from schemas.errors import LakeError
from schemas.manifest import Input, Ledger, Manifest, Receipt, Shard, total

_RECORDED = ("pyarrow", "polars", "numpy", "numba", "ray", "langdetect", "Pillow", "av", "zstandard", "msgspec")


def plan_of(stage: str, lake: Lake, *, parents: Iterable[str], made: Iterable[str], recipe: Mapping[str, Any]) -> str:
    """The plan's digest: the parents' digests, the schemas of what is made, the recipe, buckets and release."""
    return plan_digest(
        stage,
        {
            "parents": parent_digests(lake, parents),
            "schemas": {name: TABLES[name].fingerprint for name in sorted(made)},
            "recipe": recipe,
            "buckets": lake.settings.buckets,
            "release": importlib.metadata.version("postlake"),
        },
    )


def parent_digests(lake: Lake, tables: Iterable[str]) -> dict[str, str]:
    """Digests of the tables that there are."""
    found = {name: lake.manifest(name) for name in sorted(tables)}
    return {name: manifest.digest for name, manifest in found.items() if manifest is not None}


def up_to_date(lake: Lake, tables: Sequence[str], plan: str) -> bool:
    """True if all these tables were made by this very plan."""
    manifests = [lake.manifest(name) for name in tables]
    return all(manifest is not None and manifest.plan == plan for manifest in manifests)


def make_manifest(
    table: str,
    receipts: Iterable[Receipt],
    *,
    plan: str,
    recipe: Mapping[str, Any],
    parents: Mapping[str, str],
    inputs: Sequence[Input] = (),
    rows_in: int | None = None,
    quarantined: int = 0,
    notes: Mapping[str, Any] | None = None,
) -> Manifest:
    """One table's manifest from the receipts of its buckets.

    `rows_in` is a count made apart from the receipts; without it, the sum of what the items read. The ledger is
    checked here: LedgerError if it does not close.
    """
    mine = [receipt for receipt in receipts if table in receipt.ledgers]
    counted = total(receipt.ledgers[table] for receipt in mine)
    ledger = Ledger(
        rows_in=counted.rows_in if rows_in is None else rows_in,
        accepted=counted.accepted,
        rejected={reason: count for reason, count in sorted(counted.rejected.items()) if count},
        quarantined=counted.quarantined + quarantined,
    )
    ledger.check(table)
    contract = TABLES[table]
    return Manifest(
        table=table,
        schema_version=contract.version,
        schema_fingerprint=contract.fingerprint,
        shards=ordered(shard for receipt in mine for shard in receipt.shards.get(table, ())),
        rejected_shards=ordered(shard for receipt in mine for shard in receipt.rejected_shards.get(table, ())),
        ledger=ledger,
        inputs=tuple(inputs),
        parents=dict(parents),
        recipe=dict(recipe),
        plan=plan,
        code=code_version(),
        packages=package_versions(),
        notes=dict(notes or {}),
    )


def ordered(shards: Iterable[Shard]) -> tuple[Shard, ...]:
    """Shards by bucket, then key: the order in which a version lists them."""
    return tuple(sorted(shards, key=lambda s: (s.bucket, [("" if k is None else str(k)) for k in s.key_min], s.sha256)))


def bucket_shards(lake: Lake, table: str, *, rejected: bool = False) -> dict[int, list[Shard]]:
    """The table's shards by bucket; empty if the version lacks the table."""
    manifest = lake.manifest(table)
    found: dict[int, list[Shard]] = {}
    if manifest is not None:
        for shard in manifest.rejected_shards if rejected else manifest.shards:
            found.setdefault(shard.bucket, []).append(shard)
    return found


def is_outdated(manifest: Manifest | None) -> bool:
    """True if the table was written under another schema than the present one."""
    return manifest is not None and manifest.schema_fingerprint != TABLES[manifest.table].fingerprint


def as_json(shards: Iterable[Shard]) -> list[dict[str, Any]]:
    """Shards as an item's payload."""
    return [shard.model_dump(mode="json") for shard in shards]


def from_json(values: Iterable[dict[str, Any]]) -> list[Shard]:
    """Shards out of an item's payload."""
    return [Shard.model_validate(value) for value in values]


@cache
def code_version() -> str:
    """The release, and the commit where the code runs from a checkout."""
    release = importlib.metadata.version("postlake")
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return release
    found = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return f"{release}+{found.stdout.strip()[:12]}" if found.returncode == 0 else release


@cache
def package_versions() -> dict[str, str]:
    """Versions of the libraries that can change a byte."""
    found = {}
    for name in _RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def require(lake: Lake, table: str, command: str) -> Manifest:
    """The table's manifest; raises LakeError, naming the command that makes it, if the version lacks it."""
    manifest = lake.manifest(table)
    if manifest is None:
        raise LakeError(
            "a table that this needs is not there yet",
            where=lake.store.uri,
            field=table,
            expected=f"postlake {command} to have run",
        )
    return manifest
