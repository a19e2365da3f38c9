"""The media job: which object every link of the accepted posts leads to, and what is seen in it.

Phases: `links` (a bucket of posts -> its distinct links), `match` (a bucket of links -> objects in the store),
`objects` (a bucket of objects -> tables `media` and `keyframes`).
"""

from __future__ import annotations

import hashlib
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from pipelines.lake.commit import Draft
from pipelines.lake.reader import Lake
from pipelines.lake.runs import Phase, drop_parts, forget_run
from pipelines.lake.shards import read_shards, sort_rows, write_shards
from pipelines.media.examine import examine
from pipelines.media.local import LocalIndex, index_files, list_files
from pipelines.media.outcome import Refused
from pipelines.media.recipe import MediaRecipe
from pipelines.storage import Store
from ray_jobs.exchange import receive, received, send
from ray_jobs.runtime import Item, Runtime
from ray_jobs.stage import (
    as_json,
    bucket_shards,
    from_json,
    make_manifest,
    parent_digests,
    plan_of,
    require,
    up_to_date,
)
from schemas import FETCHES, KEYFRAMES, MEDIA, POSTS
from schemas.errors import ConfigError
from schemas.manifest import Ledger, Receipt, fingerprint

TABLES_MADE = ("fetches", "media", "keyframes")
OBJECTS = "media/objects"
_URL = pa.schema([pa.field("url", pa.string())])


class MediaConfig(BaseModel):
    """The `[media]` section: where downloaded files lie, and what is accepted of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roots: tuple[str, ...] = ()
    """Folders with downloaded media, matched by relative path, native id or file name; the first match counts."""
    recipe: MediaRecipe = MediaRecipe()


def media(draft: Draft, config: MediaConfig, runtime: Runtime, *, restart: bool = False) -> bool:
    """Make `fetches`, `media` and `keyframes` from the draft's posts; False if they are up to date."""
    require(draft, "posts", "ingest")
    roots = [_root(path) for path in config.roots]
    recipe = recipe_of(config)
    files = recipe["files"]
    plan = plan_of("media", draft, parents=("posts",), made=TABLES_MADE, recipe=recipe)
    if restart:
        forget_run(draft.store, plan)
    elif up_to_date(draft, TABLES_MADE, plan):
        return False
    uri, buckets = draft.store.uri, draft.settings.buckets
    links = runtime.run(Phase(uri, plan, "links"), _link_items(draft), _send_links)
    matched = runtime.run(
        Phase(uri, plan, "match"),
        [
            Item(f"b{bucket:05d}", sum(file["rows"] for file in files) * 20_000, {"bucket": bucket, "links": files})
            for bucket, files in sorted(received(links.values(), "url").items())
        ],
        partial(_match, roots=[str(root) for root in roots], files=files, recipe=config.recipe, buckets=buckets),
    )
    frames = received(matched.values(), "keyframes")
    objects = runtime.run(
        Phase(uri, plan, "objects"),
        [
            Item(
                f"b{bucket:05d}",
                sum(file["rows"] for file in files) * 20_000,
                {"bucket": bucket, "media": files, "keyframes": frames.get(bucket, [])},
            )
            for bucket, files in sorted(received(matched.values(), "media").items())
        ],
        _write_objects,
    )
    parents = parent_digests(draft, ("posts",))
    notes = {"outcomes": _outcomes(matched.values())}
    draft.update(
        {
            name: make_manifest(
                name, receipts, plan=plan, recipe=recipe, parents=parents, notes=notes if name == "fetches" else None
            )
            for name, receipts in (
                ("fetches", matched.values()),
                ("media", objects.values()),
                ("keyframes", objects.values()),
            )
        }
    )
    draft.after_commit(partial(drop_parts, draft.store, plan, ("links", "match")))
    return True


def recipe_of(config: MediaConfig) -> dict[str, Any]:
    """The recipe with a fingerprint of the downloaded files; raises ConfigError for a root that is no folder."""
    listing = [[path, size] for path in config.roots for path, size in list_files(_root(path))]
    return {"media": config.recipe.model_dump(mode="json"), "files": fingerprint(listing)}


def _root(path: str) -> Path:
    root = Path(path)
    if not root.is_dir():
        raise ConfigError("no such folder", where="[media]", field="roots", expected="an existing folder", got=path)
    return root


def _link_items(draft: Lake) -> list[Item]:
    return [
        Item(
            f"b{bucket:05d}",
            sum(shard.bytes for shard in shards),
            {"shards": as_json(shards), "buckets": draft.settings.buckets},
        )
        for bucket, shards in bucket_shards(draft, "posts").items()
    ]


def _send_links(phase: Phase, item: Item) -> Receipt:
    store = Store(phase.lake_uri)
    posts = read_shards(store, POSTS, from_json(item.payload["shards"]), columns=["media"])
    urls = pc.struct_field(pc.list_flatten(posts["media"].combine_chunks()), "url")
    distinct = pc.unique(urls).drop_null()
    rows = pa.table({"url": distinct}, schema=_URL)
    return Receipt(item=item.id, parts=send(store, phase, item, "url", rows, "url", item.payload["buckets"]))


@cache
def _index(root: str, _files: str) -> LocalIndex:
    """The files below a root, listed once a process; `_files` stands for what was there when the job was planned."""
    return index_files(list_files(Path(root)))


def _match(phase: Phase, item: Item, *, roots: list[str], files: str, recipe: MediaRecipe, buckets: int) -> Receipt:
    store = Store(phase.lake_uri)
    urls = pc.unique(receive(store, item.payload["links"], item.payload["bucket"], _URL)["url"]).to_pylist()
    fetches: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    frames: list[dict[str, Any]] = []
    for url in sorted(urls):
        media_id, outcome = None, "not_fetched"
        for root in roots:
            path = _index(root, files).match(url)
            if path is not None:
                media_id, outcome = _take(store, Path(root, path), recipe, objects, frames)
                break
        fetches.append({"url": url, "media_id": media_id, "outcome": outcome})
    rows = pa.Table.from_pylist(fetches, schema=FETCHES.schema)
    ledger = Ledger(rows_in=len(urls), accepted=rows.num_rows)
    parts = send(
        store, phase, item, "media", pa.Table.from_pylist(objects, schema=MEDIA.schema), "media_id", buckets
    ) | send(
        store, phase, item, "keyframes", pa.Table.from_pylist(frames, schema=KEYFRAMES.schema), "media_id", buckets
    )
    return Receipt(
        item=item.id,
        shards={"fetches": tuple(write_shards(store, FETCHES, rows, item.payload["bucket"]))},
        ledgers={"fetches": ledger},
        parts=parts,
        notes={"outcomes": _count(row["outcome"] for row in fetches)},
    )


def _take(
    store: Store, path: Path, recipe: MediaRecipe, objects: list[dict[str, Any]], frames: list[dict[str, Any]]
) -> tuple[str | None, str]:
    """Examine a file and copy it into the store; its media_id and outcome."""
    found = examine(path, recipe)
    if isinstance(found, Refused):
        return None, found.reason
    media_id = found.media["media_id"]
    if all(row["media_id"] != media_id for row in objects):
        objects.append(found.media)
        frames.extend(found.keyframes)
    target = f"{OBJECTS}/{media_id}"
    if store.exists(target):
        store.touch(target)
    else:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != media_id:
            raise ConfigError("the file changed while it was read", where=str(path))
        store.put(target, data)
    return media_id, "ok"


def _write_objects(phase: Phase, item: Item) -> Receipt:
    store, bucket = Store(phase.lake_uri), item.payload["bucket"]
    shards, ledgers = {}, {}
    for contract, files in ((MEDIA, item.payload["media"]), (KEYFRAMES, item.payload["keyframes"])):
        rows = sort_rows(receive(store, files, bucket, contract.schema), contract.key)
        distinct = _first_of_each(rows, list(contract.key))
        shards[contract.name] = tuple(write_shards(store, contract, distinct, bucket))
        ledgers[contract.name] = Ledger(rows_in=distinct.num_rows, accepted=distinct.num_rows)
    return Receipt(item=item.id, shards=shards, ledgers=ledgers)


def _first_of_each(rows: pa.Table, key: list[str]) -> pa.Table:
    """One row a key, of sorted rows: several links may lead to the same object, and then the rows are equal."""
    seen: set[tuple[Any, ...]] = set()
    keep = []
    for values in zip(*(rows[name].to_pylist() for name in key), strict=True):
        keep.append(values not in seen)
        seen.add(values)
    return rows.filter(pa.array(keep, pa.bool_()))


def _count(values: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return dict(sorted(counts.items()))


def _outcomes(receipts: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for receipt in receipts:
        for outcome, number in receipt.notes["outcomes"].items():
            counts[outcome] = counts.get(outcome, 0) + number
    return dict(sorted(counts.items()))
