"""Which object each medium of a post is: two phases that `dedup` and `samples` put before their own.

`links` sends every medium of a bucket of posts to its link's bucket, `objects` joins `fetches` there and sends it back.
"""

from __future__ import annotations

from functools import partial

import polars as pl
import pyarrow as pa

from pipelines.lake.reader import Lake
from pipelines.lake.runs import Phase
from pipelines.lake.shards import read_shards
from pipelines.storage import Store
from ray_jobs.exchange import receive, received, send
from ray_jobs.runtime import Item, Runtime
from ray_jobs.stage import as_json, bucket_shards, from_json
from schemas import FETCHES, POSTS
from schemas.manifest import Receipt

MEDIUM_OF_POST = pa.schema(
    [
        pa.field("post_id", pa.string()),
        pa.field("position", pa.int32()),
        pa.field("url", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("media_id", pa.string()),
    ]
)
"""A medium of a post; media_id is null where its link was not fetched or gave nothing."""

PHASES = ("links", "objects")


def media_of_posts(lake: Lake, plan: str, runtime: Runtime) -> dict[str, Receipt]:
    """Receipts whose exchange files `media` hold rows of MEDIUM_OF_POST, by the bucket of the post."""
    uri, buckets = lake.store.uri, lake.settings.buckets
    sent = runtime.run(
        Phase(uri, plan, "links"),
        [
            Item(f"b{bucket:05d}", sum(shard.bytes for shard in shards), {"shards": as_json(shards)})
            for bucket, shards in bucket_shards(lake, "posts").items()
        ],
        partial(_send, buckets=buckets),
    )
    fetches = bucket_shards(lake, "fetches")
    return runtime.run(
        Phase(uri, plan, "objects"),
        [
            Item(
                f"b{bucket:05d}",
                sum(file["rows"] for file in files) * 200,
                {"bucket": bucket, "links": files, "fetches": as_json(fetches.get(bucket, []))},
            )
            for bucket, files in sorted(received(sent.values(), "media").items())
        ],
        partial(_join, buckets=buckets),
    )


def _send(phase: Phase, item: Item, *, buckets: int) -> Receipt:
    store = Store(phase.lake_uri)
    posts = read_shards(store, POSTS, from_json(item.payload["shards"]), columns=["post_id", "media"])
    frame = pl.from_arrow(posts)
    assert isinstance(frame, pl.DataFrame)
    rows = (
        frame.filter(pl.col("media").list.len() > 0)
        .with_columns(position=pl.int_ranges(pl.col("media").list.len(), dtype=pl.Int32))
        .explode("media", "position")
        .select(
            "post_id",
            "position",
            url=pl.col("media").struct.field("url"),
            kind=pl.col("media").struct.field("kind"),
            media_id=pl.lit(None, pl.String),
        )
        .filter(pl.col("url").is_not_null())
        .to_arrow()
        .cast(MEDIUM_OF_POST)
    )
    return Receipt(item=item.id, parts=send(store, phase, item, "media", rows, "url", buckets))


def _join(phase: Phase, item: Item, *, buckets: int) -> Receipt:
    store = Store(phase.lake_uri)
    links = pl.from_arrow(receive(store, item.payload["links"], item.payload["bucket"], MEDIUM_OF_POST))
    fetches = pl.from_arrow(
        read_shards(store, FETCHES, from_json(item.payload["fetches"]), columns=["url", "media_id"])
    )
    assert isinstance(links, pl.DataFrame)
    assert isinstance(fetches, pl.DataFrame)
    rows = (
        links.drop("media_id")
        .join(fetches, on="url", how="left", maintain_order="left")
        .select(MEDIUM_OF_POST.names)
        .sort("post_id", "position")
        .to_arrow()
        .cast(MEDIUM_OF_POST)
    )
    return Receipt(item=item.id, parts=send(store, phase, item, "media", rows, "post_id", buckets))
