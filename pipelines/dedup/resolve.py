"""Second half of exact deduplication: which posts of a partition by key are copies; called per partition."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from pipelines.dedup.recipe import DedupRecipe
from pipelines.dedup.signatures import NONE, UNKNOWN
from pipelines.dedup.survivor import by_merit

EDGES = pa.schema(
    [
        pa.field("post_id", pa.string(), nullable=False),
        pa.field("witness", pa.string(), nullable=False),
        pa.field("evidence", pa.string(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),
    ]
)
"""A verified link: `post_id` is a copy of `witness`, the best post of its group (a star, never all pairs)."""

_SAME = ("evidence", "key", "payload", "side")


def resolve(groups: pa.Table, recipe: DedupRecipe | None = None) -> pa.Table:
    """Star edges (EDGES) among SIGNATURES rows; all rows of a key must be in `groups`.

    Rows join only if evidence, key and the whole text are equal, so every link is exact. Equal text joins posts that
    show the same media or none. Posts whose media are not known join by text of `min_words_unknown` words and more:
    the posts of the one media state that is known under that text, or each other where there are none or several.
    """
    recipe = recipe or DedupRecipe()
    shared = pl.DataFrame(groups).filter(pl.len().over("evidence", "key") > 1)
    sided = shared.with_columns(_side(recipe).alias("side")).filter(pl.col("side").is_not_null())
    ordered = by_merit(sided, within=_SAME)
    witness = pl.col("post_id").first().over(_SAME)
    edges = (
        ordered.with_columns(witness.alias("witness"), pl.lit(1.0).alias("similarity"))
        .filter(pl.col("post_id") != pl.col("witness"))
        .select(EDGES.names)
        .unique()
        .sort("post_id", "witness", "evidence")
    )
    return edges.to_arrow().cast(EDGES)


def _side(recipe: DedupRecipe) -> pl.Expr:
    """What a row must share besides its key; null where it may join nothing."""
    state = pl.col("media_state")
    under_key = ("evidence", "key", "payload")
    known = pl.when(~state.is_in([NONE, UNKNOWN])).then(state)
    only_known = pl.when(known.drop_nulls().n_unique().over(under_key) == 1).then(known.max().over(under_key))
    long_enough = pl.col("num_words") >= recipe.min_words_unknown
    unknown = pl.when(long_enough).then(pl.coalesce(only_known, pl.lit(UNKNOWN)))
    by_text = pl.when(state == UNKNOWN).then(unknown).otherwise(state)
    return pl.when(pl.col("evidence") == "text").then(by_text).otherwise(pl.lit(""))
