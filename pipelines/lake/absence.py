"""Proving that something forgotten is nowhere: every row of every live file is compared with the tombstones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.ipc

from pipelines.lake.expiry import expire, expiries
from pipelines.lake.gc import MEDIA_OBJECTS, is_managed, referenced
from pipelines.lake.reader import Lake, latest_version
from pipelines.lake.tombstones import Graves, Kind
from pipelines.storage import Store
from schemas import TABLES
from schemas.errors import LakeError

_KINDS: dict[str, tuple[Kind, ...]] = {
    "post_id": ("post",),
    "canonical_id": ("post",),
    "witness": ("post",),
    "comment_id": ("comment",),
    "parent_id": ("comment",),
    "id": ("post", "comment"),
    "token": ("author",),
}
"""Columns that hold ids or tokens, in tables, exchange files and training feeds alike."""


@dataclass(frozen=True)
class Looked:
    """What was seen in one file."""

    bytes: int
    rows: int
    held: bool
    """It names something forgotten."""


@dataclass(frozen=True)
class Scan:
    """What was looked at, and which files hold something forgotten."""

    files: int
    rows: int
    bytes: int
    objects: int
    """Media objects; compared by the tables that name them."""
    holders: tuple[str, ...]


@dataclass(frozen=True)
class Proof:
    """All files of the lake: those that a version in force or a run needs, and those that wait for `gc`."""

    versions: tuple[int, ...]
    """Versions in force."""
    expired: tuple[int, ...]
    """Versions that expired with this, because they hold something forgotten."""
    live: Scan
    waiting: Scan
    trainings: tuple[dict[str, Any], ...]
    """Records of `_runs/train` with `saw`, the samples of theirs that hold something forgotten; None: not known."""


def prove(
    store: Store, graves: Graves, *, now: datetime | None = None, advance: Callable[[int], None] | None = None
) -> Proof:
    """Look through the whole lake; with `now`, expire the versions, the newest apart, that hold something forgotten."""
    files = {path: size for path, size in store.walk() if is_managed(path)}
    looked = search(store, graves, files, advance=advance)
    newest = latest_version(store)
    marks = expiries(store)
    named = referenced(Lake(store, number) for number in range(1, newest + 1) if number not in marks)
    held = {path for path, seen in looked.items() if seen.held}
    expired = [number for number, used in named.items() if number != newest and used & held]
    if now is None:
        expired = []
    else:
        expire(store, expired, reason="forget", now=now)
    in_force = tuple(number for number in named if number not in expired)
    live = set().union(*(named[number] for number in in_force)) | {path for path in files if path.startswith("_runs/")}
    return Proof(
        versions=in_force,
        expired=tuple(expired),
        live=_scan(looked, files.keys() & live),
        waiting=_scan(looked, files.keys() - live),
        trainings=tuple(_trainings(store, graves)),
    )


def _scan(looked: dict[str, Looked], paths: Iterable[str]) -> Scan:
    mine = sorted(paths)
    seen = [looked[path] for path in mine if path in looked]
    return Scan(
        files=len(seen),
        rows=sum(file.rows for file in seen),
        bytes=sum(file.bytes for file in seen),
        objects=sum(path.startswith(f"{MEDIA_OBJECTS}/") for path in mine),
        holders=tuple(path for path in mine if path in looked and looked[path].held),
    )


def _trainings(store: Store, graves: Graves) -> Iterator[dict[str, Any]]:
    """Training runs that saw something forgotten; those on a version whose data are gone may have."""
    for path, _ in store.walk("_runs/train"):
        record: dict[str, Any] = json.loads(store.read(path))
        try:
            saw = _samples_seen(Lake(store, int(record["lake_version"])), graves)
        except LakeError:
            saw = None
        if saw != 0:
            yield record | {"saw": saw}


def _samples_seen(lake: Lake, graves: Graves) -> int:
    """Training samples of a forgotten post, or with a forgotten comment: as plain text, so `clean_comments` tells."""
    samples = lake.table("samples").to_table(columns=["post_id"], filter=ds.field("split") == "train")
    held = graves.mask("post", samples["post_id"])
    if lake.manifest("clean_comments") is not None:
        comments = lake.table("clean_comments").to_table(columns=["comment_id", "post_id", "canonical_id"])
        hit = pc.or_(graves.mask("comment", comments["comment_id"]), graves.mask("post", comments["post_id"]))
        held = pc.or_(held, pc.is_in(samples["post_id"], comments["canonical_id"].filter(hit).combine_chunks()))
    return int(pc.sum(held).as_py() or 0)


def search(
    store: Store, graves: Graves, files: Mapping[str, int], *, advance: Callable[[int], None] | None = None
) -> dict[str, Looked]:
    """Look through Arrow files row by row and through receipts and manifests value by value; `files` with their bytes.

    Raises LakeError for a file that is no Arrow.
    """

    def look(path: str) -> Looked:
        if path.endswith(".arrow"):
            rows, held = _in_rows(store, graves, path)
        else:
            rows, held = 0, _in_json(store, graves, path)
        if advance:
            advance(files[path])
        return Looked(files[path], rows, held)

    wanted = sorted(path for path in files if path.endswith((".arrow", ".json")))
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(wanted, pool.map(look, wanted), strict=True))


def _in_rows(store: Store, graves: Graves, path: str) -> tuple[int, bool]:
    """Rows of the file, and whether one of them names something forgotten."""
    try:
        with store.arrow(path) as file, pa.ipc.open_file(file) as reader:
            schema = reader.schema
        wanted = [index for index, name in enumerate(schema.names) if name in _KINDS]
        options = pa.ipc.IpcReadOptions(included_fields=wanted or [0])
        with store.arrow(path) as file, pa.ipc.open_file(file, options=options) as reader:
            table = reader.read_all()
    except pa.ArrowInvalid as error:
        raise LakeError("not a whole Arrow file", where=store.full(path), got=str(error)) from error
    held = any(
        graves.mask(kind, table[name]).true_count > 0 for name in table.column_names for kind in _KINDS.get(name, ())
    )
    return table.num_rows, held


def _in_json(store: Store, graves: Graves, path: str) -> bool:
    """Whether a manifest or receipt names something forgotten: the keys at the ends of a shard, a note."""
    return any(graves.holds(kind, text) for kinds, text in _texts(json.loads(store.read(path))) for kind in kinds)


def _texts(value: Any) -> Iterator[tuple[tuple[Kind, ...], str]]:
    """All texts of a JSON value with what they may be ids of; the keys of a shard are told by its table."""
    if isinstance(value, str):
        yield ("post", "comment", "author"), value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        contract = TABLES.get(str(value.get("path", "")).partition("/")[0])
        for name, part in value.items():
            if contract is None or name not in ("key_min", "key_max"):
                yield from _texts(part)
                continue
            yield from ((_KINDS.get(column, ()), str(text)) for column, text in zip(contract.key, part, strict=False))
