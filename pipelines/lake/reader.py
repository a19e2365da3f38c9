"""Opening a lake for reading: versions, manifests, tables. Follows the version file and never lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from pipelines.lake.buckets import bucket_of
from pipelines.lake.shards import check_shard, read_shard, read_shards, shard_missing
from pipelines.storage import Store
from schemas import TABLES
from schemas.errors import LakeError
from schemas.manifest import LakeSettings, Manifest, Shard, Version

SETTINGS = "lake.json"
HINT = "versions/latest"
EXPIRED = "versions/expired"


def version_path(number: int) -> str:
    return f"versions/v{number:06d}.json"


def expiry_path(number: int) -> str:
    return f"{EXPIRED}/v{number:06d}.json"


def open_lake(uri: str, *, version: int | None = None) -> Lake:
    """Open a lake at a version (default: the latest); raises LakeError if there is no lake or no such version.

    >>> open_lake("s3://bucket/lake").table("posts@12")        # doctest: +SKIP
    """
    lake = Lake(Store(uri), version)
    _ = lake.settings, lake.version
    return lake


def latest_version(store: Store) -> int:
    """The number of the newest committed version, 0 if there is none: the hint, then probes of the next number."""
    try:
        number = max(0, int(store.read(HINT)))
    except (FileNotFoundError, ValueError):
        number = 0
    if number and not store.exists(version_path(number)):
        number = 0
    # Version files are never deleted, so there are no gaps: leap ahead, then halve the leaps.
    leap = 1
    while store.exists(version_path(number + leap)):
        number += leap
        leap *= 2
    while leap > 1:
        leap //= 2
        if store.exists(version_path(number + leap)):
            number += leap
    return number


class Lake:
    """A lake at one version; what it shows never changes, whatever is committed after it."""

    def __init__(self, store: Store, version: int | None = None) -> None:
        self.store = store
        self._wanted = version

    @cached_property
    def settings(self) -> LakeSettings:
        try:
            data = self.store.read(SETTINGS)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise LakeError("no lake here", where=self.store.uri, expected=f"a folder with {SETTINGS}") from error
        return LakeSettings.from_json(data, where=self.store.full(SETTINGS))

    @cached_property
    def version(self) -> Version:
        number = latest_version(self.store) if self._wanted is None else self._wanted
        if number == 0 and self._wanted is None:
            return Version(version=0, parent=None, committed_at="", command="", tables={})
        path = version_path(number)
        try:
            data = self.store.read(path)
        except FileNotFoundError as error:
            newest = latest_version(self.store)
            raise LakeError(
                "no such version", where=self.store.uri, expected=f"1 to {newest}", got=str(number)
            ) from error
        return Version.from_json(data, where=self.store.full(path))

    def at(self, number: int) -> Lake:
        """The same lake at another version."""
        return Lake(self.store, number)

    def manifest(self, table: str) -> Manifest | None:
        """The table's manifest, None if the version does not have the table."""
        ref = self.version.tables.get(table)
        if ref is None:
            return None
        if table not in self._manifests:
            try:
                data = self.store.read(ref.manifest)
            except FileNotFoundError as error:
                if self.store.exists(expiry_path(self.version.version)):
                    raise LakeError(
                        "this version has expired, and its data are gone",
                        where=self.store.uri,
                        expected=f"a later version, up to {latest_version(self.store)}",
                        got=str(self.version.version),
                    ) from error
                raise LakeError("manifest is missing", where=self.store.full(ref.manifest)) from error
            self._manifests[table] = Manifest.from_json(data, where=self.store.full(ref.manifest))
        return self._manifests[table]

    @cached_property
    def _manifests(self) -> dict[str, Manifest]:
        return {}

    def is_gone(self) -> bool:
        """Whether the version has expired and its data are no longer whole: `gc` removes manifests first."""
        return self.store.exists(expiry_path(self.version.version)) and not all(
            self.store.exists(ref.manifest) for ref in self.version.tables.values()
        )

    def resolve(self, name: str) -> tuple[Lake, str]:
        """`posts` or `posts@3` as the lake at that version and the table's name; raises LakeError for unknown ones."""
        table, _, number = name.partition("@")
        if number and not (number.isascii() and number.isdecimal()):
            raise LakeError("not a version number", where=name, expected="TABLE@N", got=number)
        lake = self.at(int(number)) if number else self
        if table not in lake.version.tables:
            known = ", ".join(sorted(lake.version.tables)) or "none yet"
            raise LakeError("no such table in this version", where=self.store.uri, expected=known, got=table)
        return lake, table

    def table(self, name: str) -> ds.Dataset:
        """Accepted rows of `TABLE` or `TABLE@N` as a pyarrow dataset, read lazily."""
        lake, table = self.resolve(name)
        manifest = lake.manifest(table)
        assert manifest is not None
        return lake.dataset(table, manifest.shards)

    def rejected(self, name: str) -> ds.Dataset:
        """Rejected rows of `TABLE` or `TABLE@N`, with `reject_step` and `reject_reason`."""
        lake, table = self.resolve(name)
        manifest = lake.manifest(table)
        assert manifest is not None
        return lake.dataset(table, manifest.rejected_shards, rejected=True)

    def dataset(self, table: str, shards: Sequence[Shard], *, rejected: bool = False) -> ds.Dataset:
        """The given shards of a table, all of one schema, as one dataset.

        Raises ContractError if it has become unreadable, LakeError, naming it, for a shard that is seen to be missing.
        """
        contract = TABLES[table]
        schema = contract.rejected_schema if rejected else contract.schema
        if not shards:
            return ds.dataset(schema.empty_table())
        manifest = self.manifest(table)
        if manifest is None or manifest.schema_fingerprint != contract.fingerprint:
            check_shard(self.store, contract, shards[0])
        paths = [self.store.full(shard.path) for shard in shards]
        try:
            return ds.dataset(paths, schema=schema, format="ipc", filesystem=self.store.arrow_filesystem())
        except FileNotFoundError as error:
            raise shard_missing(next(path for path in paths if path in str(error))) from error

    @contextmanager
    def naming_damage(self) -> Iterator[None]:
        """Turn what Arrow says while datasets are read into the LakeError that names the damaged shard."""
        try:
            yield
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None and not isinstance(error, FileNotFoundError):
                raise  # The disk's or the network's trouble.
            for table in sorted(self.version.tables):
                manifest = self.manifest(table)
                assert manifest is not None
                for shard in manifest.shards:
                    read_shard(self.store, TABLES[table], shard)
                for shard in manifest.rejected_shards:
                    read_shard(self.store, TABLES[table], shard, rejected=True)
            raise

    def read_bucket(self, table: str, bucket: int, *, columns: list[str] | None = None) -> pa.Table:
        """Accepted rows of one bucket, sorted by key; empty if the version lacks the table."""
        manifest = self.manifest(table)
        shards = [s for s in manifest.shards if s.bucket == bucket] if manifest else []
        return read_shards(self.store, TABLES[table], shards, columns=columns)

    def find(self, table: str, value: str, *, rejected: bool = False) -> list[dict[str, Any]]:
        """Rows whose bucketing column equals `value`, read from that one bucket."""
        manifest = self.manifest(table)
        if manifest is None:
            return []
        contract = TABLES[table]
        bucket = bucket_of(value, self.settings.buckets)
        shards = [s for s in (manifest.rejected_shards if rejected else manifest.shards) if s.bucket == bucket]
        rows = self.dataset(table, shards, rejected=rejected)
        found: list[dict[str, Any]] = rows.to_table(filter=ds.field(contract.bucket_by) == value).to_pylist()
        return found
