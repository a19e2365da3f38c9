"""The forget job: posts, comments or authors leave every table; their tombstones stay.

Phase `rewrite` (a bucket of a table -> the rows that stay); then `dedup`, `clean` and `samples` run again by the
recipes that their manifests record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pipelines.lake.commit import Draft, check_key
from pipelines.lake.forget import REWRITTEN, Targets, Wanted, find, strip
from pipelines.lake.observations import count_reasons
from pipelines.lake.reader import Lake
from pipelines.lake.runs import Phase, plan_digest
from pipelines.lake.shards import read_shards, write_shards
from pipelines.lake.tombstones import SOURCE, bury, read_tombstones
from pipelines.recipe import CleanRecipe, DedupRecipe, SamplesRecipe
from pipelines.sources.authors import token
from pipelines.sources.tables import LEDGER_TABLES
from pipelines.storage import Store
from ray_jobs import clean as clean_job
from ray_jobs import dedup as dedup_job
from ray_jobs import media as media_job
from ray_jobs import samples as samples_job
from ray_jobs.ingest import TABLES_MADE as INGESTED
from ray_jobs.runtime import Item, Runtime
from ray_jobs.stage import (
    as_json,
    bucket_shards,
    code_version,
    from_json,
    is_outdated,
    ordered,
    package_versions,
    parent_digests,
    plan_of,
    require,
)
from schemas import TABLES
from schemas.errors import ConfigError
from schemas.manifest import FORGOTTEN, Input, Ledger, Manifest, Receipt

_Recipe = TypeVar("_Recipe", bound=BaseModel)


def look_up(lake: Lake, ids: frozenset[str], authors: frozenset[str]) -> tuple[Targets, tuple[str, ...]]:
    """What goes with posts, comments (`ids`) and authors (`<platform>:<id or name>`), and those that are nowhere.

    Raises LakeError without table `posts`.
    """
    key = check_key(lake)
    require(lake, "posts", "ingest")
    tokens = {who: value for who in authors if (value := token(key, who))}
    with lake.naming_damage():
        targets = find(lake, Wanted(ids=ids, authors=authors, tokens=frozenset(tokens.values())))
    nowhere = (ids & targets.unknown) | {who for who, value in tokens.items() if value in targets.unknown}
    return targets, tuple(sorted(nowhere))


def forget(draft: Draft, targets: Targets, runtime: Runtime) -> bool:
    """Take all targets out of the draft; False if nothing is new. What was never there gets a tombstone as well."""
    key = check_key(draft)
    before = read_tombstones(draft)
    stones = before | bury(key, posts=targets.posts, comments=targets.comments, authors=targets.tokens)
    if stones == before:
        return False
    stone = stones.save(draft.store)
    was = {table: manifest for table in REWRITTEN if (manifest := draft.manifest(table)) is not None}
    parents = parent_digests(draft, INGESTED)
    plan = plan_digest("forget", {"parents": parent_digests(draft, was), "tombstones": stone.sha256})
    made = _rewrite(draft, plan, targets, runtime)
    draft.update(
        {
            table: _without(was[table], made[table], plan=plan, parents=parents, tombstones=stone)
            for table in INGESTED
            if table in was
        }
    )
    draft.update(_media(draft, was, made, plan))
    _derive(draft, runtime)
    return True


def _rewrite(draft: Draft, plan: str, targets: Targets, runtime: Runtime) -> dict[str, list[Receipt]]:
    """Receipts of the buckets that were looked into, by table."""
    items = []
    for table in REWRITTEN:
        shards, rejected = bucket_shards(draft, table), bucket_shards(draft, table, rejected=True)
        there = {*shards, *rejected}
        # Shards of an older schema are all written anew: a version's table has one schema.
        wanted = there if is_outdated(draft.manifest(table)) else targets.buckets[table] & there
        for bucket in sorted(wanted):
            mine, lost = shards.get(bucket, []), rejected.get(bucket, [])
            payload = {"table": table, "bucket": bucket, "shards": as_json(mine), "rejected": as_json(lost)}
            items.append(Item(f"{table}-b{bucket:05d}", sum(s.bytes for s in (*mine, *lost)), payload))
    receipts = runtime.run(Phase(draft.store.uri, plan, "rewrite"), items, partial(_strip, targets=targets))
    return {table: [r for r in receipts.values() if r.notes["table"] == table] for table in REWRITTEN}


def _strip(phase: Phase, item: Item, *, targets: Targets) -> Receipt:
    store, table, bucket = Store(phase.lake_uri), item.payload["table"], item.payload["bucket"]
    contract = TABLES[table]
    old = read_shards(store, contract, from_json(item.payload["shards"]))
    old_rejected = read_shards(store, contract, from_json(item.payload["rejected"]), rejected=True)
    rows, rejected = strip(table, old, targets), strip(table, old_rejected, targets)
    return Receipt(
        item=item.id,
        shards={table: tuple(write_shards(store, contract, rows, bucket))},
        rejected_shards={table: tuple(write_shards(store, contract, rejected, bucket, rejected=True))},
        ledgers={
            table: Ledger(
                rows_in=rows.num_rows + rejected.num_rows, accepted=rows.num_rows, rejected=count_reasons(rejected)
            )
        },
        notes={
            "table": table,
            "bucket": bucket,
            "accepted": old.num_rows - rows.num_rows,
            "rejected": _less(count_reasons(old_rejected), count_reasons(rejected)),
        },
    )


def _less(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {reason: count - after.get(reason, 0) for reason, count in before.items()}


def _without(
    manifest: Manifest,
    receipts: list[Receipt],
    *,
    plan: str,
    parents: Mapping[str, str],
    tombstones: Input | None = None,
) -> Manifest:
    """The table's manifest with the rewritten buckets in their places."""
    table, ledger = manifest.table, manifest.ledger
    touched = {receipt.notes["bucket"] for receipt in receipts}
    accepted = ledger.accepted - sum(receipt.notes["accepted"] for receipt in receipts)
    rejected = dict(ledger.rejected)
    for receipt in receipts:
        rejected = _less(rejected, receipt.notes["rejected"])
    lost = ledger.accepted + sum(ledger.rejected.values()) - accepted - sum(rejected.values())
    rows_in = ledger.rows_in
    if table in LEDGER_TABLES:
        rejected[FORGOTTEN] = rejected.get(FORGOTTEN, 0) + lost
    else:
        rows_in -= lost
    inputs = manifest.inputs
    if tombstones is not None:
        inputs = (*(entry for entry in inputs if entry.source != SOURCE), tombstones)
    changed: dict[str, Any] = {
        "shards": ordered(
            [s for s in manifest.shards if s.bucket not in touched] + [s for r in receipts for s in r.shards[table]]
        ),
        "rejected_shards": ordered(
            [s for s in manifest.rejected_shards if s.bucket not in touched]
            + [s for r in receipts for s in r.rejected_shards[table]]
        ),
        "ledger": Ledger(
            rows_in=rows_in,
            accepted=accepted,
            rejected={reason: count for reason, count in sorted(rejected.items()) if count},
            quarantined=ledger.quarantined,
        ),
        "schema_version": TABLES[table].version,
        "schema_fingerprint": TABLES[table].fingerprint,
        "inputs": inputs,
        "parents": dict(parents),
        "plan": plan,
        "code": code_version(),
        "packages": package_versions(),
    }
    return Manifest(**{**dict(manifest), **changed})


def _media(
    draft: Draft, was: Mapping[str, Manifest], made: Mapping[str, list[Receipt]], plan: str
) -> dict[str, Manifest]:
    """The tables of media and scores. What the media stage would make now is this: it need not run again."""
    parents = parent_digests(draft, ("posts",))
    found = {}
    for table in (*media_job.TABLES_MADE, "scores"):
        if table not in was:
            continue
        manifest, name = was[table], plan
        current = manifest.parents.get("posts") == was["posts"].digest
        if table in media_job.TABLES_MADE and current:
            name = plan_of("media", draft, parents=("posts",), made=media_job.TABLES_MADE, recipe=manifest.recipe)
        given = parents if current else manifest.parents
        found[table] = _without(manifest, made[table], plan=name, parents=given)
    return found


def _derive(draft: Draft, runtime: Runtime) -> None:
    """Run the later stages again, as they were run: survivors are elected anew, samples worded anew."""
    stages: list[tuple[str, Callable[[Manifest], bool]]] = [
        ("duplicates", lambda m: dedup_job.dedup(draft, _recipe(m, DedupRecipe), runtime)),
        ("clean_comments", lambda m: clean_job.clean(draft, _recipe(m, CleanRecipe), runtime)),
        ("samples", lambda m: samples_job.samples(draft, _recipe(m, SamplesRecipe), runtime)),
    ]
    for table, stage in stages:
        manifest = draft.manifest(table)
        if manifest is not None:
            stage(manifest)


def _recipe(manifest: Manifest, kind: type[_Recipe]) -> _Recipe:
    try:
        return kind.model_validate(manifest.recipe)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            "the table was made by a recipe that this release cannot run; make it again first",
            where=manifest.table,
            field=".".join(str(part) for part in first["loc"]),
            expected=first["msg"],
        ) from error
