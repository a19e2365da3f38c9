"""The dedup job: which posts are copies of which.

Phases: `links` and `objects` (which object each medium is), `signatures` (a bucket of posts -> evidence by key),
`resolve` (a bucket of keys -> verified links), clusters on the driver, `duplicates` (a bucket of canonical posts).
"""

from __future__ import annotations

from functools import partial

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.clusters import duplicates as clusters
from pipelines.dedup.recipe import DedupRecipe
from pipelines.dedup.resolve import EDGES, resolve
from pipelines.dedup.signatures import SIGNATURES, signatures
from pipelines.lake.buckets import buckets_of
from pipelines.lake.commit import Draft
from pipelines.lake.runs import Phase, drop_parts, forget_run
from pipelines.lake.shards import read_parts, read_shards, sort_rows, write_parts, write_shards
from pipelines.storage import Store
from ray_jobs import links
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
from schemas import DUPLICATES, POSTS
from schemas.manifest import Ledger, PartFile, Receipt, fingerprint
from schemas.table import TIMESTAMP

PARENTS = ("posts", "fetches")
_NODES = pa.schema([pa.field("post_id", pa.string()), pa.field("likes", pa.int64()), pa.field("created_at", TIMESTAMP)])
_EVERYTHING = 0
"""The only bucket of exchange files that the driver reads whole."""


def dedup(draft: Draft, recipe: DedupRecipe, runtime: Runtime, *, restart: bool = False) -> bool:
    """Make `duplicates` from the draft's posts and what is known of their media; False if it is up to date."""
    require(draft, "posts", "ingest")
    settings = recipe.model_dump(mode="json")
    plan = plan_of("dedup", draft, parents=PARENTS, made=("duplicates",), recipe=settings)
    if restart:
        forget_run(draft.store, plan)
    elif up_to_date(draft, ("duplicates",), plan):
        return False
    uri, buckets = draft.store.uri, draft.settings.buckets
    media = received(links.media_of_posts(draft, plan, runtime).values(), "media")
    signed = runtime.run(
        Phase(uri, plan, "signatures"),
        [
            Item(
                f"b{bucket:05d}",
                sum(shard.bytes for shard in shards),
                {"bucket": bucket, "posts": as_json(shards), "media": media.get(bucket, [])},
            )
            for bucket, shards in bucket_shards(draft, "posts").items()
        ],
        partial(_sign, recipe=recipe, buckets=buckets),
    )
    resolved = runtime.run(
        Phase(uri, plan, "resolve"),
        [
            Item(f"b{bucket:05d}", sum(file["rows"] for file in files) * 200, {"bucket": bucket, "keys": files})
            for bucket, files in sorted(received(signed.values(), "signatures").items())
        ],
        partial(_resolve, recipe=recipe),
    )
    made = _write(draft, plan, runtime, _cluster(draft.store, resolved, plan, buckets))
    draft.update(
        {
            "duplicates": make_manifest(
                "duplicates",
                made.values(),
                plan=plan,
                recipe=settings,
                parents=parent_digests(draft, PARENTS),
                notes={"copies": sum(receipt.notes.get("copies", 0) for receipt in made.values())},
            )
        }
    )
    draft.after_commit(partial(drop_parts, draft.store, plan, (*links.PHASES, "signatures", "resolve")))
    return True


def _sign(phase: Phase, item: Item, *, recipe: DedupRecipe, buckets: int) -> Receipt:
    store = Store(phase.lake_uri)
    posts = read_shards(store, POSTS, from_json(item.payload["posts"]))
    media = receive(store, item.payload["media"], item.payload["bucket"], links.MEDIUM_OF_POST)
    rows = signatures(posts, media, recipe)
    return Receipt(item=item.id, parts=send(store, phase, item, "signatures", rows, "key", buckets))


def _resolve(phase: Phase, item: Item, *, recipe: DedupRecipe) -> Receipt:
    store = Store(phase.lake_uri)
    groups = receive(store, item.payload["keys"], item.payload["bucket"], SIGNATURES)
    edges = resolve(groups, recipe)
    named = pl.concat([pl.Series(edges["post_id"]), pl.Series(edges["witness"])]).unique()
    nodes = pl.DataFrame(groups.select(_NODES.names)).filter(pl.col("post_id").is_in(named.implode())).unique("post_id")
    parts = {}
    for name, rows in (("edges", edges), ("nodes", nodes.sort("post_id").to_arrow().cast(_NODES))):
        if rows.num_rows:
            parts[name] = write_parts(
                store, phase.part_path(item.id, name), rows, buckets_of(pa.nulls(rows.num_rows, pa.string()), 1)
            )
    return Receipt(item=item.id, parts=parts)


def _cluster(store: Store, resolved: dict[str, Receipt], plan: str, buckets: int) -> dict[str, PartFile]:
    """The posts that have a copy, with their canonical post: by their own bucket, and by their canonical post's."""
    receipts = [resolved[name] for name in sorted(resolved)]

    def gathered(name: str, schema: pa.Schema) -> pa.Table:
        return read_parts(store, [r.parts[name] for r in receipts if name in r.parts], _EVERYTHING, schema)

    nodes = pl.DataFrame(gathered("nodes", _NODES)).unique("post_id").sort("post_id").to_arrow().cast(_NODES)
    copies = clusters(nodes, gathered("edges", EDGES))
    path = f"_runs/{plan}/parts/clusters-{fingerprint(copies['post_id'].to_pylist())[:16]}"
    return {
        by: write_parts(store, f"{path}-{by}.arrow", copies, buckets_of(copies[by], buckets))
        for by in ("post_id", "canonical_id")
    }


def _write(draft: Draft, plan: str, runtime: Runtime, copies: dict[str, PartFile]) -> dict[str, Receipt]:
    def of(by: str, bucket: int) -> list[dict[str, object]]:
        part = copies[by]
        if bucket not in part.batches:
            return []
        return [{"path": part.path, "rows": part.rows, "batches": {bucket: part.batches[bucket]}}]

    items = [
        Item(
            f"b{bucket:05d}",
            sum(shard.bytes for shard in shards),
            {
                "bucket": bucket,
                "posts": as_json(shards),
                "own": of("post_id", bucket),
                "gathered": of("canonical_id", bucket),
            },
        )
        for bucket, shards in bucket_shards(draft, "posts").items()
    ]
    return runtime.run(Phase(draft.store.uri, plan, "duplicates"), items, _write_bucket)


def _write_bucket(phase: Phase, item: Item) -> Receipt:
    store, bucket = Store(phase.lake_uri), item.payload["bucket"]
    posts = pl.DataFrame(read_shards(store, POSTS, from_json(item.payload["posts"]), columns=["post_id"]))
    own = pl.DataFrame(receive(store, item.payload["own"], bucket, DUPLICATES.schema))
    single = posts.join(own, on="post_id", how="anti").with_columns(canonical_id=pl.col("post_id"))
    gathered = receive(store, item.payload["gathered"], bucket, DUPLICATES.schema)
    alone = pa.table(
        {
            name: single[name].to_arrow().cast(pa.string())
            if name in single.columns
            else pa.nulls(single.height, DUPLICATES.schema.field(name).type)
            for name in DUPLICATES.schema.names
        },
        schema=DUPLICATES.schema,
    )
    rows = sort_rows(pa.concat_tables([alone, gathered]), DUPLICATES.key)
    return Receipt(
        item=item.id,
        shards={"duplicates": tuple(write_shards(store, DUPLICATES, rows, bucket))},
        # Every post of the lake is counted where it lies, and accepted where its canonical post does.
        ledgers={"duplicates": Ledger(rows_in=posts.height, accepted=rows.num_rows)},
        notes={"copies": sum(pc.not_equal(rows["post_id"], rows["canonical_id"]).to_pylist())},
    )
