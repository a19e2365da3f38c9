"""The samples job: canonical posts, their media and their audience's answers, put into words for training.

Phases: `links` and `objects` (which object each medium is), `scenes` (keyframes -> the bucket of their post),
`samples` (a bucket of canonical posts).
"""

from __future__ import annotations

from functools import partial

import polars as pl
import pyarrow as pa

from pipelines.lake.commit import Draft
from pipelines.lake.observations import count_reasons
from pipelines.lake.runs import Phase, drop_parts, forget_run
from pipelines.lake.shards import read_shards, sort_rows, write_shards
from pipelines.recipe import SamplesRecipe
from pipelines.samples.build import build
from pipelines.step import split_verdicts
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
from schemas import CLEAN_COMMENTS, DUPLICATES, KEYFRAMES, POSTS, SAMPLES
from schemas.contract import conform
from schemas.manifest import Ledger, Receipt

PARENTS = ("posts", "duplicates", "clean_comments", "fetches", "media", "keyframes")
_SCENES = KEYFRAMES.schema.append(pa.field("post_id", pa.string()))
_BYTES_PER_SCENE = 20_000


def samples(draft: Draft, recipe: SamplesRecipe, runtime: Runtime, *, restart: bool = False) -> bool:
    """Make `samples` from all that the draft knows of the canonical posts; False if it is up to date."""
    for table, command in (("posts", "ingest"), ("duplicates", "dedup"), ("clean_comments", "clean")):
        require(draft, table, command)
    settings = recipe.model_dump(mode="json")
    plan = plan_of("samples", draft, parents=PARENTS, made=("samples",), recipe=settings)
    if restart:
        forget_run(draft.store, plan)
    elif up_to_date(draft, ("samples",), plan):
        return False
    uri, buckets = draft.store.uri, draft.settings.buckets
    joined = links.media_of_posts(draft, plan, runtime)
    media = received(joined.values(), "media")
    wanted = received(_send_by_object(draft, plan, runtime, media).values(), "wanted")
    frames = bucket_shards(draft, "keyframes")
    scenes = runtime.run(
        Phase(uri, plan, "scenes"),
        [
            Item(
                f"b{bucket:05d}",
                sum(shard.bytes for shard in frames[bucket]),
                {"bucket": bucket, "wanted": files, "keyframes": as_json(frames[bucket])},
            )
            for bucket, files in sorted(wanted.items())
            if bucket in frames
        ],
        partial(_send_scenes, buckets=buckets),
    )
    made = _build_all(draft, plan, recipe, runtime, media, received(scenes.values(), "scenes"))
    draft.update(
        {
            "samples": make_manifest(
                "samples", made.values(), plan=plan, recipe=settings, parents=parent_digests(draft, PARENTS)
            )
        }
    )
    draft.after_commit(partial(drop_parts, draft.store, plan, (*links.PHASES, "wanted", "scenes")))
    return True


def _send_by_object(
    draft: Draft, plan: str, runtime: Runtime, media: dict[int, list[dict[str, object]]]
) -> dict[str, Receipt]:
    return runtime.run(
        Phase(draft.store.uri, plan, "wanted"),
        [Item(f"b{bucket:05d}", 1, {"bucket": bucket, "media": files}) for bucket, files in sorted(media.items())],
        partial(_send_wanted, buckets=draft.settings.buckets),
    )


def _send_wanted(phase: Phase, item: Item, *, buckets: int) -> Receipt:
    store = Store(phase.lake_uri)
    rows = receive(store, item.payload["media"], item.payload["bucket"], links.MEDIUM_OF_POST)
    known = pl.DataFrame(rows).filter(pl.col("media_id").is_not_null()).to_arrow().cast(links.MEDIUM_OF_POST)
    return Receipt(item=item.id, parts=send(store, phase, item, "wanted", known, "media_id", buckets))


def _send_scenes(phase: Phase, item: Item, *, buckets: int) -> Receipt:
    store = Store(phase.lake_uri)
    wanted = receive(store, item.payload["wanted"], item.payload["bucket"], links.MEDIUM_OF_POST)
    pairs = pl.DataFrame(wanted).select("media_id", "post_id").unique().sort("media_id", "post_id")
    frames = pl.DataFrame(read_shards(store, KEYFRAMES, from_json(item.payload["keyframes"])))
    rows = frames.join(pairs, on="media_id", how="inner").sort("post_id", "media_id", "scene")
    scenes = rows.select(_SCENES.names).to_arrow().cast(_SCENES)
    return Receipt(item=item.id, parts=send(store, phase, item, "scenes", scenes, "post_id", buckets))


def _build_all(
    draft: Draft,
    plan: str,
    recipe: SamplesRecipe,
    runtime: Runtime,
    media: dict[int, list[dict[str, object]]],
    scenes: dict[int, list[dict[str, object]]],
) -> dict[str, Receipt]:
    posts, copies = bucket_shards(draft, "posts"), bucket_shards(draft, "duplicates")
    comments = bucket_shards(draft, "clean_comments")
    items = [
        Item(
            f"b{bucket:05d}",
            sum(s.bytes for s in shards)
            + sum(int(str(f["rows"])) for f in scenes.get(bucket, [])) * _BYTES_PER_SCENE // draft.settings.buckets,
            {
                "bucket": bucket,
                "posts": as_json(posts.get(bucket, [])),
                "duplicates": as_json(shards),
                "comments": as_json(comments.get(bucket, [])),
                "media": media.get(bucket, []),
                "scenes": scenes.get(bucket, []),
            },
        )
        for bucket, shards in sorted(copies.items())
    ]
    return runtime.run(Phase(draft.store.uri, plan, "samples"), items, partial(_build, recipe=recipe))


def _build(phase: Phase, item: Item, *, recipe: SamplesRecipe) -> Receipt:
    store, bucket = Store(phase.lake_uri), item.payload["bucket"]
    clusters = read_shards(store, DUPLICATES, from_json(item.payload["duplicates"]))
    ids = pl.DataFrame(clusters.select(["canonical_id"])).unique()
    posts = pl.DataFrame(read_shards(store, POSTS, from_json(item.payload["posts"])))
    canonical = posts.join(ids, left_on="post_id", right_on="canonical_id", how="semi", maintain_order="left")
    frames = receive(store, item.payload["scenes"], bucket, _SCENES)
    rows = build(
        canonical.to_arrow().cast(POSTS.schema),
        clusters,
        read_shards(store, CLEAN_COMMENTS, from_json(item.payload["comments"])),
        receive(store, item.payload["media"], bucket, links.MEDIUM_OF_POST),
        _distinct_frames(frames),
        recipe,
    )
    accepted, rejected = split_verdicts(rows)
    rejected = conform(sort_rows(rejected, SAMPLES.key), SAMPLES.rejected_schema, where="samples")
    return Receipt(
        item=item.id,
        shards={"samples": tuple(write_shards(store, SAMPLES, sort_rows(accepted, SAMPLES.key), bucket))},
        rejected_shards={"samples": tuple(write_shards(store, SAMPLES, rejected, bucket, rejected=True))},
        ledgers={"samples": Ledger(rows_in=ids.height, accepted=accepted.num_rows, rejected=count_reasons(rejected))},
    )


def _distinct_frames(scenes: pa.Table) -> pa.Table:
    """KEYFRAMES rows: two posts of the bucket may show the same object."""
    frame = pl.DataFrame(scenes.drop_columns(["post_id"]))
    return frame.unique(["media_id", "scene"]).sort("media_id", "scene").to_arrow().cast(KEYFRAMES.schema)
