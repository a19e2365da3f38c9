"""Creating a lake, drafting its next version and publishing it with one create-only file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from pipelines.lake.key import key_fingerprint, load_key
from pipelines.lake.reader import HINT, SETTINGS, Lake, latest_version, version_path
from pipelines.storage import Store
from schemas.errors import LakeConflict, LakeError
from schemas.manifest import LakeSettings, Manifest, TableRef, Version

DEFAULT_BUCKETS = 16


def create_or_open(uri: str, *, buckets: int | None = None) -> Draft:
    """Open the lake for writing; an absent or empty folder becomes one, with `buckets` buckets (default 16).

    Raises LakeError for a folder that holds other things, another key, or another number of buckets.
    """
    store = Store(uri)
    if not store.exists(SETTINGS):
        first = next(iter(store.walk()), None)
        if first is not None:
            raise LakeError("the folder is not empty and is no lake", where=store.uri, got=first[0])
        key = load_key(store, create=True)
        settings = LakeSettings(buckets=buckets or DEFAULT_BUCKETS, key_fingerprint=key_fingerprint(key))
        # If another writer has just created it, its settings hold.
        with suppress(FileExistsError):
            store.create(SETTINGS, settings.to_json())
    draft = Draft(store)
    check_key(draft)
    if buckets is not None and buckets != draft.settings.buckets:
        raise LakeError(
            "the number of buckets was fixed when the lake was created",
            where=store.uri,
            field="buckets",
            expected=str(draft.settings.buckets),
            got=str(buckets),
        )
    return draft


def check_key(lake: Lake) -> bytes:
    """The lake's key; raises LakeError if the one at hand is not the one that the lake was made with."""
    key = load_key(lake.store)
    found = key_fingerprint(key)
    if found != lake.settings.key_fingerprint:
        raise LakeError(
            "this is not the lake's key",
            where=lake.store.uri,
            field="key fingerprint",
            expected=lake.settings.key_fingerprint,
            got=found,
        )
    return key


class Draft(Lake):
    """The latest version with tables that are made but not yet published; the stages of one run read it."""

    def __init__(self, store: Store, version: int | None = None) -> None:
        super().__init__(store, version)
        self.pending: dict[str, Manifest] = {}

    def manifest(self, table: str) -> Manifest | None:
        return self.pending.get(table) or super().manifest(table)

    def update(self, manifests: Mapping[str, Manifest]) -> None:
        """Take up a stage's tables; those that equal what is published change nothing."""
        for name, manifest in manifests.items():
            manifest.ledger.check(name)
            if super().manifest(name) != manifest:
                self.pending[name] = manifest

    def publish(self, command: str) -> Version:
        """Commit all pending tables as the next version; without any, the present version is returned.

        Raises LakeConflict if another writer has committed since this draft was opened.
        """
        if not self.pending:
            return self.version
        tables = dict(self.version.tables)
        for name, manifest in sorted(self.pending.items()):
            data = manifest.to_json()
            path = f"{name}/manifests/{hashlib.sha256(data).hexdigest()[:16]}.json"
            self.store.put(path, data)
            tables[name] = TableRef(manifest=path, digest=manifest.digest)
        number = self.version.version + 1
        version = Version(
            version=number,
            parent=self.version.version or None,
            committed_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            command=command,
            tables=tables,
        )
        try:
            self.store.create(version_path(number), version.to_json())
        except FileExistsError as error:
            raise LakeConflict(
                "another writer committed first",
                where=self.store.uri,
                expected=f"version {number} to be free",
                got=f"version {latest_version(self.store)}",
            ) from error
        self.store.put(HINT, f"{number}\n".encode())
        return version
