"""Checking a version against what its manifests say: every byte, every row, every sum."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import pyarrow as pa
import pyarrow.ipc

from pipelines.lake.reader import Lake, version_path
from pipelines.lake.shards import check_stored
from pipelines.lake.tombstones import read_tombstones, tombstones_input
from schemas import TABLES
from schemas.errors import ContractError, LakeError, LedgerError
from schemas.manifest import Manifest, Shard
from schemas.table import REJECT_REASON, REJECT_STEP

_MEDIA = "media/objects"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as a manifest says."""

    path: str
    problem: str


def verify(lake: Lake, *, threads: int = 2, advance: Callable[[int], None] | None = None) -> list[Finding]:
    """Re-hash and re-count all that the version names; an empty list means that it is whole.

    `advance` is called with the bytes of each object that was checked.
    """
    if lake.is_gone():
        return [Finding(version_path(lake.version.version), "has expired, and its data are gone")]
    findings: list[Finding] = []
    jobs: list[tuple[Manifest, Shard, bool]] = []
    for table, ref in sorted(lake.version.tables.items()):
        try:
            manifest = lake.manifest(table)
            assert manifest is not None
            manifest.ledger.check(table)
        except (LakeError, LedgerError) as error:
            findings.append(Finding(ref.manifest, str(error)))
            continue
        found = hashlib.sha256(lake.store.read(ref.manifest)).hexdigest()[:16]
        if found != ref.manifest.rpartition("/")[2].removesuffix(".json"):
            findings.append(Finding(ref.manifest, f"sha256 begins with {found}, its name says otherwise"))
        if manifest.digest != ref.digest:
            findings.append(Finding(ref.manifest, f"digest is {manifest.digest}, the version says {ref.digest}"))
        jobs += [(manifest, shard, False) for shard in manifest.shards]
        jobs += [(manifest, shard, True) for shard in manifest.rejected_shards]

    findings += _check_tombstones(lake)

    def check(job: tuple[Manifest, Shard, bool]) -> Finding | None:
        found = _check_shard(lake, *job)
        if advance:
            advance(job[1].bytes)
        return found

    with ThreadPoolExecutor(threads) as pool:
        findings += [finding for finding in pool.map(check, jobs) if finding]
        findings += _check_media(lake, pool, [job[1] for job in jobs if job[0].table == "media"], findings)
    return findings


def _check_tombstones(lake: Lake) -> list[Finding]:
    try:
        entry = tombstones_input(lake.manifest("posts"))
    except LakeError:
        return []  # Found already, as a manifest.
    try:
        read_tombstones(lake)
    except LakeError as error:
        return [Finding(entry.name if entry else "posts", error.message)]
    return []


def _check_shard(lake: Lake, manifest: Manifest, shard: Shard, rejected: bool) -> Finding | None:
    try:
        digest, size = _hash(lake, shard.path)
    except FileNotFoundError:
        return Finding(shard.path, "missing")
    if size != shard.bytes:
        return Finding(shard.path, f"has {size} bytes, expected {shard.bytes}")
    if digest != shard.sha256:
        return Finding(shard.path, f"sha256 is {digest}, expected {shard.sha256}")
    # Footer and batch headers alone: the bytes themselves are proven by their hash.
    try:
        with lake.store.arrow(shard.path) as file, pa.ipc.open_file(file) as reader:
            rows, schema = reader.count_rows(), reader.schema
    except pa.ArrowInvalid as error:
        return Finding(shard.path, f"is not an Arrow file: {error}")
    if rows != shard.rows:
        return Finding(shard.path, f"has {rows} rows, expected {shard.rows}")
    contract = TABLES[manifest.table]
    try:
        check_stored(schema, contract)
    except ContractError as error:
        return Finding(shard.path, str(error))
    return _check_verdicts(shard, schema, rejected)


def _check_verdicts(shard: Shard, schema: pa.Schema, rejected: bool) -> Finding | None:
    """Rejected rows say by which step and for what reason; accepted ones have no such columns."""
    for field in (REJECT_STEP, REJECT_REASON):
        stored = schema.field(field.name) if field.name in schema.names else None
        if not rejected and stored is not None:
            return Finding(shard.path, f"accepted rows have column {field.name}")
        if rejected and (stored is None or stored.type != field.type):
            got = stored.type if stored is not None else "no such column"
            return Finding(shard.path, f"rejected rows (field {field.name}, expected {field.type}, got {got})")
    return None


def _hash(lake: Lake, path: str) -> tuple[str, int]:
    # 256 KiB at a time: what was read is hashed while the processor's cache still holds it.
    with lake.store.open(path) as stream:
        digest = hashlib.file_digest(cast(io.BufferedReader, stream), "sha256")
        return digest.hexdigest(), stream.seek(0, io.SEEK_END)


def _check_media(lake: Lake, pool: ThreadPoolExecutor, shards: list[Shard], known: list[Finding]) -> list[Finding]:
    """The objects that the whole shards of table `media` name are there, and are what their names say."""
    damaged = {finding.path for finding in known}
    whole = [shard for shard in shards if shard.path not in damaged]
    ids = lake.dataset("media", whole).to_table(columns=["media_id"])["media_id"].to_pylist()

    def check(media_id: str) -> Finding | None:
        path = f"{_MEDIA}/{media_id}"
        try:
            digest, _ = _hash(lake, path)
        except FileNotFoundError:
            return Finding(path, "missing")
        return None if digest == media_id else Finding(path, f"sha256 is {digest}")

    return [finding for finding in pool.map(check, sorted(ids)) if finding]
