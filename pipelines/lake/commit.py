"""Creating a lake, drafting its next version and publishing it with one create-only file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pipelines.lake.key import key_fingerprint, load_key
from pipelines.lake.reader import HINT, SETTINGS, Lake, latest_version, version_path
from pipelines.storage import Store
from schemas.errors import LakeConflict, LakeError
from schemas.manifest import LakeSettings, Manifest, TableRef, Version

DEFAULT_BUCKETS = 16
_CHECKERS = 16


def create_or_open(uri: str, *, buckets: int | None = None) -> Draft:
    """Open the lake for writing; an absent or empty folder becomes one, with `buckets` buckets (default 16).

    Raises LakeError for a folder that holds other things, another key, or another number of buckets.
    """
    store = Store(uri)
    if not store.exists(SETTINGS):
        if store.is_local:
            _refuse_file(Path(store.uri))
        # What a writer that died while it created the lake has left is no reason to refuse.
        first = next((path for path, _ in store.walk() if not path.startswith(f".{SETTINGS}.")), None)
        if first is not None and not store.exists(SETTINGS):
            raise LakeError("the folder is not empty and is no lake", where=store.uri, got=first)
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


def _refuse_file(path: Path) -> None:
    for place in (path, *path.parents):
        if place.is_file():
            raise LakeError("a file is no lake", where=str(place), expected="a folder, absent or empty or a lake")


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


def _shard_paths(manifest: Manifest | None) -> set[str]:
    return {shard.path for shard in (*manifest.shards, *manifest.rejected_shards)} if manifest else set()


class Draft(Lake):
    """The latest version with tables that are made but not yet published; the stages of one run read it."""

    def __init__(self, store: Store, version: int | None = None) -> None:
        super().__init__(store, version)
        self.pending: dict[str, Manifest] = {}
        self._cleanups: list[Callable[[], None]] = []

    def manifest(self, table: str) -> Manifest | None:
        return self.pending.get(table) or super().manifest(table)

    def update(self, manifests: Mapping[str, Manifest]) -> None:
        """Take up a stage's tables; those that equal what is published change nothing."""
        for name, manifest in manifests.items():
            manifest.ledger.check(name)
            if super().manifest(name) != manifest:
                self.pending[name] = manifest

    def after_commit(self, cleanup: Callable[[], None]) -> None:
        """Do this once the draft is published: until then a run that is started again takes up what is there."""
        self._cleanups.append(cleanup)

    def _renew_shards(self) -> None:
        """All that the version would add is still there, and young again: `gc` looks at a file's age before it goes.

        A run may have slept longer than the grace period, or taken up receipts of one that did.
        """
        new: set[str] = set()
        for name, manifest in self.pending.items():
            new |= _shard_paths(manifest) - _shard_paths(super().manifest(name))
        with ThreadPoolExecutor(_CHECKERS) as pool:
            missing = [path for path in pool.map(self._touched, new) if path is not None]
        if missing:
            raise LakeError("a shard of this run is gone; run the command again", where=self.store.full(min(missing)))

    def _touched(self, path: str) -> str | None:
        """None, or the path if there is no such object."""
        try:
            self.store.touch(path)
        except FileNotFoundError:
            return path
        return None

    def clean_up(self) -> None:
        """Remove what this draft's stages would have removed after a commit."""
        for cleanup in self._cleanups:
            cleanup()
        self._cleanups.clear()

    def publish(self, command: str) -> Version:
        """Commit all pending tables as the next version; without any, the present version is returned.

        Raises LakeConflict if another writer has committed since this draft was opened.
        """
        version = self._commit(command) if self.pending else self.version
        self.clean_up()
        return version

    def _commit(self, command: str) -> Version:
        self._renew_shards()
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
