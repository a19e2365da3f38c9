"""First half of exact deduplication: what every post may be recognised by; called per bucket by the dedup job."""

from __future__ import annotations

from hashlib import sha256

import polars as pl
import pyarrow as pa

from pipelines.dedup.canonical_url import canonical_urls, shows_itself
from pipelines.dedup.recipe import DedupRecipe
from pipelines.dedup.text_key import num_words, text_key
from schemas.table import TIMESTAMP

NONE = "none"
UNKNOWN = "unknown"

SIGNATURES = pa.schema(
    [
        pa.field("evidence", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("payload", pa.string()),
        pa.field("num_words", pa.int32()),
        pa.field("post_id", pa.string(), nullable=False),
        pa.field("media_state", pa.string(), nullable=False),
        pa.field("likes", pa.int64()),
        pa.field("created_at", TIMESTAMP),
    ]
)
"""One row per post and piece of evidence. `key` is the canonical url, the ids of all media of the post, or the SHA-256
of the normalised text; `payload` is that text, null for other evidence. `media_state` is `none`, `unknown` or the
sorted media ids joined by `+`."""


def signatures(posts: pa.Table, media: pa.Table, recipe: DedupRecipe | None = None) -> pa.Table:
    """Evidence of each post, as SIGNATURES; a post without evidence has no row.

    `posts` has the columns of POSTS; `media` has one row per medium of a post: post_id, position, url, media_id (null
    where it was not fetched).
    """
    recipe = recipe or DedupRecipe()
    frame = pl.DataFrame(posts.select(_POST_COLUMNS)).with_columns(
        canonical_urls(pl.Series("link", posts["url"])).alias("link"),
        canonical_urls(pl.Series("own", posts["permalink"])).alias("own"),
        text_key(pl.col("title"), pl.col("text")).alias("payload"),
    )
    is_self = (pl.col("link") == pl.col("own")) & ~shows_itself(pl.col("link"))
    frame = frame.with_columns(pl.when(is_self.fill_null(False)).then(None).otherwise(pl.col("link")).alias("link"))
    frame = _with_media_state(frame, pl.DataFrame(media.select(["post_id", "media_id"])))
    makers = {"url": _by_url, "bytes": _by_bytes, "text": _by_text}
    found = [makers[evidence](frame) for evidence in recipe.evidence]
    rows = pl.concat([frame.clear().select(_row("", pl.col("payload"))), *found])
    return rows.to_arrow().cast(SIGNATURES)


_POST_COLUMNS = ["post_id", "title", "text", "url", "permalink", "media", "likes", "created_at"]


def _with_media_state(frame: pl.DataFrame, media: pl.DataFrame) -> pl.DataFrame:
    """Add media_state: a post whose link was not fetched as a medium shows something that is not known."""
    ids = pl.col("media_id")
    states = media.group_by("post_id").agg(
        pl.when(ids.is_null().any()).then(pl.lit(UNKNOWN)).otherwise(ids.unique().sort().str.join("+")).alias("fetched")
    )
    shows_more = (pl.col("media").list.len() > 0).fill_null(False) | pl.col("link").is_not_null()
    bare = pl.when(shows_more).then(pl.lit(UNKNOWN)).otherwise(pl.lit(NONE))
    joined = frame.join(states, on="post_id", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("fetched", bare).alias("media_state"))


def _row(evidence: str, key: pl.Expr, payload: pl.Expr | None = None) -> list[pl.Expr]:
    text = pl.lit(None, pl.String) if payload is None else payload
    return [
        pl.lit(evidence).alias("evidence"),
        key.cast(pl.String).alias("key"),
        text.alias("payload"),
        num_words(text).cast(pl.Int32).alias("num_words"),
        *(pl.col(name) for name in ("post_id", "media_state", "likes", "created_at")),
    ]


def _by_url(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("link").is_not_null()).select(_row("url", pl.col("link")))


def _by_bytes(frame: pl.DataFrame) -> pl.DataFrame:
    known = ~pl.col("media_state").is_in([NONE, UNKNOWN])
    return frame.filter(known).select(_row("bytes", pl.col("media_state")))


def _by_text(frame: pl.DataFrame) -> pl.DataFrame:
    worded = frame.filter(pl.col("payload").is_not_null())
    digests = [sha256(text.encode()).hexdigest() for text in worded["payload"]]
    worded = worded.with_columns(pl.Series("digest", digests, dtype=pl.String))
    return worded.select(_row("text", pl.col("digest"), pl.col("payload")))
