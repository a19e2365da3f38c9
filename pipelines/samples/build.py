"""Training examples of one bucket of canonical posts; called per bucket by the samples job."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from pipelines.samples.behaviour import has_likes, scene_replays, signals
from pipelines.samples.description import describe
from pipelines.samples.pictures import Scenes, pictures_of, scenes_of
from pipelines.samples.recipe import SamplesRecipe
from pipelines.samples.render import Material, render
from pipelines.step import REASON, STEP, with_verdicts
from schemas.samples import SAMPLES

SAMPLE_ROWS = SAMPLES.schema.append(pa.field(STEP, pa.string())).append(pa.field(REASON, pa.string()))
"""SAMPLES columns and the verdict; a rejected post has an empty conversation."""

_FIELDS = ["post_id", "platform", "title", "transcript", "likes", "views", "upvote_ratio", "duration_seconds", "replay"]


def build(
    posts: pa.Table,
    duplicates: pa.Table,
    comments: pa.Table,
    media: pa.Table,
    keyframes: pa.Table,
    recipe: SamplesRecipe | None = None,
) -> pa.Table:
    """One row (SAMPLE_ROWS) per canonical post, in the order of `posts`: a sample, or the reason why there is none.

    `posts`: POSTS rows of canonical posts; `duplicates`: DUPLICATES rows of their clusters; `comments`: accepted
    CLEAN_COMMENTS of them; `media`: a row per medium of a post (post_id, position, url, media_id or null, kind image or
    video as fetched), of canonical posts or of whole clusters; `keyframes`: KEYFRAMES rows of those media. The parts of
    a cluster must be given together; other rows do no harm.
    """
    recipe = recipe or SamplesRecipe()
    scenes = scenes_of(keyframes)
    ids = pl.Series(posts["post_id"])
    pictures = pictures_of(ids, media, duplicates, scenes, recipe.pictures.max_images)
    texts = _comments_of(ids, comments, recipe.num_comments)
    judged = _judged(posts, pictures, texts, recipe)
    words = pl.DataFrame(posts.select(_FIELDS)).with_columns(
        texts, pictures["shown"], pl.Series("medium", _media_words(posts, pictures))
    )
    author_buckets = posts["author_bucket"].to_pylist()
    reasons = judged[REASON].to_pylist()
    rows = [
        _row(post, bucket, scenes, recipe, rejected=reason is not None)
        for post, bucket, reason in zip(words.iter_rows(named=True), author_buckets, reasons, strict=True)
    ]
    table = pa.Table.from_pylist(rows, schema=SAMPLES.schema)
    for name in (STEP, REASON):
        table = table.append_column(name, judged[name])
    return table.cast(SAMPLE_ROWS)


def _comments_of(posts: pl.Series, comments: pa.Table, most: int) -> pl.Series:
    """`comments`: the texts of each post's ranked comments, at most `most`, each on one line."""
    ranked = pl.DataFrame(comments.select(["canonical_id", "rank", "text"]))
    ranked = ranked.filter((pl.col("rank") <= most) & pl.col("text").is_not_null()).sort("canonical_id", "rank")
    line = pl.col("text").str.replace_all(r"\s+", " ").str.strip_chars()
    texts = ranked.group_by("canonical_id", maintain_order=True).agg(line.alias("comments"))
    joined = posts.to_frame("canonical_id").join(texts, on="canonical_id", how="left", maintain_order="left")
    return joined.select(pl.col("comments").fill_null(pl.lit([], dtype=pl.List(pl.String)))).to_series()


def _judged(posts: pa.Table, pictures: pl.DataFrame, texts: pl.Series, recipe: SamplesRecipe) -> pa.Table:
    """The posts with the derived columns that the steps read, and their verdicts."""
    likes = pl.DataFrame(posts.select(["likes", "views"])).select(has_likes())
    derived = pictures.select("num_fetched", "num_pictures").with_columns(
        texts.list.len().alias("num_comments_kept"), likes["has_likes"]
    )
    table = with_verdicts(posts)
    for name in derived.columns:
        table = table.append_column(name, derived[name].to_arrow())
    for step in recipe.steps():
        table = step(table)
    return table


def _media_words(posts: pa.Table, pictures: pl.DataFrame) -> list[str]:
    """What each post is called: the kind of what is shown, else of its first medium, else post."""
    declared = pl.DataFrame(posts.select(["media"])).select(pl.col("media").list.first().struct.field("kind"))
    shown = pictures.select(pl.col("shown").list.first().struct.field("kind"))
    kinds = pl.DataFrame({"shown": shown.to_series(), "declared": declared.to_series()})
    word = pl.coalesce("shown", "declared", pl.lit("post")).replace("audio", "post")
    return kinds.select(word).to_series().to_list()


def _row(
    post: dict[str, Any], author_bucket: int | None, scenes: Scenes, recipe: SamplesRecipe, *, rejected: bool
) -> dict[str, Any]:
    messages, targets = ([], []) if rejected else render(_material(post, scenes, recipe), recipe.template)
    return {
        "sample_id": f"{post['post_id']}#{recipe.template.name}",
        "post_id": post["post_id"],
        "split": recipe.split.of(author_bucket, post["post_id"]),
        "messages": messages,
        "targets": targets,
    }


def _material(post: dict[str, Any], scenes: Scenes, recipe: SamplesRecipe) -> Material:
    shown = [(medium["kind"], medium["media_id"]) for medium in post["shown"] or []]
    seen = [scene for _, media_id in shown for scene in scenes[media_id]]
    is_video = bool(shown) and shown[0][0] == "video"
    spans = [(scene.start, scene.end) for scene in seen] if is_video else []
    transcript = " ".join((post["transcript"] or "").split()[: recipe.transcript_words])
    return Material(
        medium=post["medium"],
        title=" ".join((post["title"] or "").split()) or None,
        transcript=transcript or None,
        shown=shown,
        looks=[describe(scene.jpeg) for scene in seen],
        signals=signals(post["platform"], post["likes"], post["views"], post["upvote_ratio"]),
        replays=scene_replays(post["replay"], spans, post["duration_seconds"]),
        comments=post["comments"],
    )
