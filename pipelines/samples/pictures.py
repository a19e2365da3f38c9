"""Which media of a cluster a sample shows, and the scenes in them; used by `build`."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pyarrow as pa


@dataclass(frozen=True)
class Scene:
    """A keyframe: where its scene begins and ends (seconds), and its picture."""

    start: float
    end: float
    jpeg: bytes


Scenes = dict[str, list[Scene]]


def scenes_of(keyframes: pa.Table) -> Scenes:
    """The scenes of each media_id, in their order."""
    found: Scenes = {}
    ordered = pl.DataFrame(keyframes).sort("media_id", "scene").select("media_id", "start", "end", "jpeg")
    for media_id, start, end, jpeg in ordered.iter_rows():
        found.setdefault(media_id, []).append(Scene(start, end, jpeg))
    return found


def pictures_of(
    posts: pl.Series, media: pa.Table, duplicates: pa.Table, scenes: Scenes, max_images: int
) -> pl.DataFrame:
    """Per canonical post: num_fetched, num_pictures, shown (list of struct kind, media_id); in the order of `posts`.

    Shown are the media of the canonical post, or where none of them has a keyframe those of the copy with the smallest
    id that has one: its first video, else its first `max_images` images. `media`: post_id, position, media_id, kind.
    """
    canonical = pl.DataFrame(duplicates.select(["post_id", "canonical_id"]))
    rows = pl.DataFrame(media.select(["post_id", "position", "media_id", "kind"]))
    rows = rows.filter(pl.col("kind").is_in(["image", "video"]) & pl.col("media_id").is_not_null())
    rows = rows.join(canonical, on="post_id", how="left").with_columns(
        pl.coalesce("canonical_id", "post_id").alias("canonical_id"),
        pl.col("media_id").is_in(list(scenes)).alias("seen"),
    )
    counts = rows.group_by("canonical_id").agg(
        pl.col("media_id").n_unique().alias("num_fetched"),
        pl.col("media_id").filter("seen").n_unique().alias("num_pictures"),
    )
    table = posts.to_frame("canonical_id").join(counts, on="canonical_id", how="left", maintain_order="left")
    table = table.join(_shown(rows.filter("seen"), max_images), on="canonical_id", how="left", maintain_order="left")
    return table.with_columns(pl.col("num_fetched", "num_pictures").fill_null(0))


def _shown(rows: pl.DataFrame, max_images: int) -> pl.DataFrame:
    """canonical_id, shown: the chosen media of the chosen member of each cluster."""
    ordered = rows.with_columns((pl.col("post_id") != pl.col("canonical_id")).alias("copy"))
    ordered = ordered.sort("canonical_id", "copy", "post_id", "position", "media_id")
    chosen = ordered.filter(pl.col("post_id") == pl.col("post_id").first().over("canonical_id"))
    chosen = chosen.unique(["canonical_id", "media_id"], keep="first", maintain_order=True)
    is_video = pl.col("kind") == "video"
    chosen = chosen.filter(is_video | ~is_video.any().over("canonical_id"))
    limit = pl.when(is_video).then(1).otherwise(max_images)
    chosen = chosen.filter(pl.int_range(pl.len()).over("canonical_id") < limit)
    return chosen.group_by("canonical_id", maintain_order=True).agg(pl.struct("kind", "media_id").alias("shown"))
