"""Collecting garbage: what no version, and no run under way, has a use for. Deletes nothing else, whatever lies there.

Safe beside running jobs: the files are listed before versions and receipts are read, so what is committed meanwhile is
seen; what is younger than the grace period stays; a run that did something within it keeps all that its receipts name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.lake.expiry import expire, expiries
from pipelines.lake.reader import Lake, latest_version
from pipelines.lake.shards import read_shards
from pipelines.lake.tombstones import tombstones_input
from pipelines.storage import Store
from schemas import TABLES
from schemas.manifest import Receipt

MEDIA_OBJECTS = "media/objects"
KEPT_RUNS = ("train", "inputs")
"""Folders of `_runs` that are records, not work: which training saw which version, and what input files are."""

_MANAGED = re.compile(
    rf"(?:{'|'.join(TABLES)})/(?:data|rejected|manifests)/[^/]+|{MEDIA_OBJECTS}/[^/]+|tombstones/[^/]+|_runs/.+"
    r"|(?:.+/)?\.[^/]+\.tmp"
)
_TRAINING = timedelta(days=30)
_RECORDS = tuple(f"_runs/{name}/" for name in KEPT_RUNS)


@dataclass(frozen=True)
class Garbage:
    """What `gc` removed, or would remove."""

    files: tuple[str, ...]
    bytes: int
    expired: tuple[int, ...]
    """Versions without data: they are gone with this, or were before."""
    waiting: tuple[int, ...]
    """Expired versions within their grace period."""
    young: int
    """Files that nothing uses and that are younger than the grace period."""


@dataclass(frozen=True)
class _Found:
    path: str
    bytes: int


def gc(
    store: Store,
    *,
    grace: timedelta,
    now: datetime,
    keep: int | None = None,
    dry_run: bool = False,
    advance: Callable[[int], None] | None = None,
) -> Garbage:
    """Remove orphans and expired versions older than `grace`; with `keep`, expire all but the newest versions first.

    Started again after a crash it finds what is left. Raises LakeError, with nothing removed, if a version that is
    not expired cannot be read.
    """
    listed = [_Found(path, size) for path, size in store.walk() if is_managed(path) and not path.startswith(_RECORDS)]
    newest = latest_version(store)
    outdated = range(1, newest - keep + 1) if keep is not None else ()
    if not dry_run:
        expire(store, outdated, reason=f"gc --keep {keep}", now=now)
    gone, waiting = _expired(store, newest, grace, now, outdated)
    live = [Lake(store, number) for number in range(1, newest + 1) if number not in gone]
    used = set().union(*referenced(live).values()) | _of_active_runs(store, listed, grace, now)
    orphans = [file for file in listed if file.path not in used and not _covers(used, file.path)]
    doomed = [file for file in orphans if _older(store, file.path, grace, now)]
    # Manifests first: a version that is half gone says at once that it is gone.
    doomed.sort(key=lambda file: ("/manifests/" not in file.path, file.path))
    if not dry_run:
        doomed = [file for file in doomed if _deleted(store, file, grace, now, advance)]
    return Garbage(
        files=tuple(file.path for file in doomed),
        bytes=sum(file.bytes for file in doomed),
        expired=tuple(sorted(gone)),
        waiting=tuple(sorted(waiting)),
        young=len(orphans) - len(doomed),
    )


def is_managed(path: str) -> bool:
    """Whether the lake's code writes such files; others are nobody's business here."""
    return _MANAGED.fullmatch(path) is not None


def drop_runs(store: Store) -> None:
    """Remove all that interrupted runs have left: their exchange files hold rows, and would bring them back."""
    runs = {path.split("/")[1] for path, _ in store.walk("_runs")}
    for run in sorted(runs - set(KEPT_RUNS)):
        store.delete_all(f"_runs/{run}")


def referenced(lakes: Iterable[Lake]) -> dict[int, set[str]]:
    """Every file that each of these versions names: manifests, shards, media objects, tombstones."""
    seen: dict[str, set[str]] = {}
    found = {}
    for lake in lakes:
        for table, ref in lake.version.tables.items():
            if ref.manifest not in seen:
                seen[ref.manifest] = _files_of(lake, table) | {ref.manifest}
        found[lake.version.version] = set().union(*(seen[ref.manifest] for ref in lake.version.tables.values()))
    return found


def _files_of(lake: Lake, table: str) -> set[str]:
    manifest = lake.manifest(table)
    assert manifest is not None
    files = {shard.path for shard in (*manifest.shards, *manifest.rejected_shards)}
    stones = tombstones_input(manifest)
    if stones is not None:
        files.add(stones.name)
    if table == "media":
        ids = read_shards(lake.store, TABLES[table], manifest.shards, columns=["media_id"])["media_id"]
        files.update(f"{MEDIA_OBJECTS}/{media_id}" for media_id in ids.to_pylist())
    return files


def _expired(
    store: Store, newest: int, grace: timedelta, now: datetime, outdated: Iterable[int]
) -> tuple[set[int], set[int]]:
    """Versions whose data go or are gone, and those that may still be read.

    `outdated` ones without a mark (a dry run) begin now.
    """
    marks = {number: mark.moment for number, mark in expiries(store).items() if number != newest}
    marks = dict.fromkeys(outdated, now) | marks
    # What an earlier gc with a shorter grace period has begun is done: there is nothing left to wait for.
    gone = {number for number, moment in marks.items() if moment + grace <= now or Lake(store, number).is_gone()}
    return gone, marks.keys() - gone


def _of_active_runs(store: Store, listed: list[_Found], grace: timedelta, now: datetime) -> set[str]:
    """Files of runs that did something within the grace period, and what their receipts name.

    A run of the media stage in progress has all objects: which ones it found is not in its receipts.
    """
    runs: dict[str, list[str]] = {}
    for file in listed:
        if file.path.startswith("_runs/"):
            runs.setdefault(file.path.split("/")[1], []).append(file.path)
    used: set[str] = set()
    for run, paths in runs.items():
        # A training run reads its feed for as long as it lasts, and writes nothing here.
        limit = max(grace, _TRAINING) if run.startswith("train-") else grace
        if all(_older(store, path, limit, now) for path in paths):
            continue
        used.update(paths)
        if run.startswith("media-"):
            used.add(f"{MEDIA_OBJECTS}/")
        for path in paths:
            if path.endswith(".json"):
                used.update(Receipt.from_json(store.read(path), where=store.full(path)).paths())
    return used


def _covers(used: set[str], path: str) -> bool:
    return path.rpartition("/")[0] + "/" in used


def _deleted(
    store: Store, file: _Found, grace: timedelta, now: datetime, advance: Callable[[int], None] | None
) -> bool:
    """Delete a file, unless a job has made it young again since it was judged: a commit does so before it counts."""
    if not _older(store, file.path, grace, now):
        return False
    store.delete(file.path)
    if advance:
        advance(file.bytes)
    return True


def _older(store: Store, path: str, grace: timedelta, now: datetime) -> bool:
    try:
        return store.modified(path) + grace.total_seconds() <= now.timestamp()
    except FileNotFoundError:
        return False
