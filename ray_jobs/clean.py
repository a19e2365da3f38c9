"""The clean job: which comments may be published, under the canonical posts of their clusters.

Phases: `reroute` (comments of copies -> their canonical post's bucket), `clean` (a bucket: all its comments, judged).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds

from pipelines.lake.buckets import buckets_of
from pipelines.lake.commit import Draft
from pipelines.lake.observations import count_reasons
from pipelines.lake.runs import Phase, drop_parts, forget_run
from pipelines.lake.shards import read_shards, sort_rows, write_parts, write_shards
from pipelines.recipe import CleanRecipe
from pipelines.step import split_verdicts
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
from schemas import CLEAN_COMMENTS, COMMENTS
from schemas.contract import conform
from schemas.manifest import Ledger, PartFile, Receipt

PARENTS = ("comments", "duplicates")
_MOVED = pa.schema([pa.field("post_id", pa.string()), pa.field("canonical_id", pa.string())])
_ROUTED = COMMENTS.schema.append(pa.field("canonical_id", pa.string()))


def clean(draft: Draft, recipe: CleanRecipe, runtime: Runtime, *, restart: bool = False) -> bool:
    """Make `clean_comments` from the draft's comments and clusters; False if it is up to date."""
    comments = require(draft, "comments", "ingest")
    require(draft, "duplicates", "dedup")
    settings = recipe.model_dump(mode="json")
    plan = plan_of("clean", draft, parents=PARENTS, made=("clean_comments",), recipe=settings)
    if restart:
        forget_run(draft.store, plan)
    elif up_to_date(draft, ("clean_comments",), plan):
        return False
    uri, buckets = draft.store.uri, draft.settings.buckets
    moved = _moved(draft, plan)
    shards = bucket_shards(draft, "comments")
    rerouted = runtime.run(
        Phase(uri, plan, "reroute"),
        [
            Item(f"b{bucket:05d}", sum(s.bytes for s in shards[bucket]), _payload(shards, moved, bucket))
            for bucket in sorted(moved.batches if moved else {})
            if bucket in shards
        ],
        partial(_reroute, buckets=buckets),
    )
    arrived = received(rerouted.values(), "comments")
    cleaned = runtime.run(
        Phase(uri, plan, "clean"),
        [
            Item(
                f"b{bucket:05d}",
                sum(s.bytes for s in shards.get(bucket, [])) + sum(f["rows"] for f in arrived.get(bucket, [])),
                _payload(shards, moved, bucket) | {"arrived": arrived.get(bucket, [])},
            )
            for bucket in sorted({*shards, *arrived})
        ],
        partial(_clean, recipe=recipe),
    )
    draft.update(
        {
            "clean_comments": make_manifest(
                "clean_comments",
                cleaned.values(),
                plan=plan,
                recipe=settings,
                parents=parent_digests(draft, PARENTS),
                rows_in=comments.ledger.accepted,
            )
        }
    )
    draft.after_commit(partial(drop_parts, draft.store, plan, ("reroute",)))
    return True


def _moved(draft: Draft, plan: str) -> PartFile | None:
    """The posts that another one stands for, by their own bucket; None if there are none."""
    manifest = require(draft, "duplicates", "dedup")
    rows = draft.dataset("duplicates", manifest.shards).to_table(
        columns=_MOVED.names, filter=ds.field("post_id") != ds.field("canonical_id")
    )
    if rows.num_rows == 0:
        return None
    rows = sort_rows(rows.cast(_MOVED), ["post_id"])
    return write_parts(
        draft.store,
        f"_runs/{plan}/parts/moved.arrow",
        rows,
        buckets_of(rows["post_id"], draft.settings.buckets),
    )


def _payload(shards: dict[int, Any], moved: PartFile | None, bucket: int) -> dict[str, Any]:
    files = []
    if moved and bucket in moved.batches:
        files = [{"path": moved.path, "rows": moved.rows, "batches": {bucket: moved.batches[bucket]}}]
    return {"bucket": bucket, "shards": as_json(shards.get(bucket, [])), "moved": files}


def _split_moved(store: Store, payload: dict[str, Any]) -> tuple[pa.Table, pa.Table]:
    """A bucket's comments as those that stay, with their own post as the canonical one, and those that move."""
    rows = pl.DataFrame(read_shards(store, COMMENTS, from_json(payload["shards"])))
    moved = pl.DataFrame(receive(store, payload["moved"], payload["bucket"], _MOVED))
    joined = rows.join(moved, on="post_id", how="left", maintain_order="left")
    leaves = pl.col("canonical_id").is_not_null()
    stays = joined.filter(~leaves).with_columns(canonical_id=pl.col("post_id"))
    return stays.to_arrow().cast(_ROUTED), joined.filter(leaves).to_arrow().cast(_ROUTED)


def _reroute(phase: Phase, item: Item, *, buckets: int) -> Receipt:
    store = Store(phase.lake_uri)
    _, moving = _split_moved(store, item.payload)
    return Receipt(item=item.id, parts=send(store, phase, item, "comments", moving, "canonical_id", buckets))


def _clean(phase: Phase, item: Item, *, recipe: CleanRecipe) -> Receipt:
    store, bucket = Store(phase.lake_uri), item.payload["bucket"]
    own, _ = _split_moved(store, item.payload)
    arrived = receive(store, item.payload["arrived"], bucket, _ROUTED)
    rows = sort_rows(pa.concat_tables([own, arrived]), CLEAN_COMMENTS.key)
    accepted, rejected = split_verdicts(recipe(rows))
    rejected = conform(rejected, CLEAN_COMMENTS.rejected_schema, where="clean")
    return Receipt(
        item=item.id,
        shards={"clean_comments": tuple(write_shards(store, CLEAN_COMMENTS, accepted, bucket))},
        rejected_shards={"clean_comments": tuple(write_shards(store, CLEAN_COMMENTS, rejected, bucket, rejected=True))},
        ledgers={
            "clean_comments": Ledger(
                rows_in=rows.num_rows, accepted=accepted.num_rows, rejected=count_reasons(rejected)
            )
        },
    )
