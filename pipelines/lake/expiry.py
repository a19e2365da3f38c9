"""Which versions have expired: marks beside the version files, made by `forget` and `gc --keep`, taken up by `gc`."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from pipelines.lake.reader import EXPIRED, expiry_path
from pipelines.storage import Store
from schemas.manifest import Record


class Expiry(Record):
    """The version may be read until the grace period after `at` has passed; then its files go."""

    version: int
    reason: str
    at: str
    """RFC 3339."""

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.at)


def expire(store: Store, numbers: Iterable[int], *, reason: str, now: datetime) -> list[int]:
    """Mark versions as expired; those that are already keep their mark. Returns the newly marked ones."""
    at = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    marked = []
    for number in sorted(numbers):
        with suppress(FileExistsError):
            store.create(expiry_path(number), Expiry(version=number, reason=reason, at=at).to_json())
            marked.append(number)
    return marked


def expiries(store: Store) -> dict[int, Expiry]:
    """All marks, by version. Lists the folder: for `gc` and `forget`, not for readers."""
    marks = (Expiry.from_json(store.read(path), where=store.full(path)) for path in _marks(store))
    return {mark.version: mark for mark in marks}


def _marks(store: Store) -> list[str]:
    return [path for path, _ in store.walk(EXPIRED) if path.endswith(".json")]
