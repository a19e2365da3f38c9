"""Which canonical posts make a sample: steps over posts, in the order of `SamplesRecipe`; called by `build`.

The last two read columns that `build` derives: `num_fetched` (media of the post that were fetched), `num_pictures` (of
them, those with a keyframe), `num_comments_kept` and `has_likes`.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipelines.step import Step, reject


class PostRemoved(Step):
    """Rejects a post that its author or a moderator took down: `removed`."""

    enabled: bool = True

    def __call__(self, table: pa.Table) -> pa.Table:
        return reject(table, pc.and_(table["removed"], self.enabled), step="removed", reason="removed")


class Adult(Step):
    """Rejects a post that its platform marks as adult: `nsfw`."""

    enabled: bool = True

    def __call__(self, table: pa.Table) -> pa.Table:
        return reject(table, pc.and_(table["nsfw"], self.enabled), step="adult", reason="nsfw")


class Posters(Step):
    """Rejects a post by who made it: `bot`, or `deleted` for an account that is gone."""

    deleted: bool = True
    bots: tuple[str, ...] = ("listed_bot", "bot_name")

    def __call__(self, table: pa.Table) -> pa.Table:
        kind = table["author_kind"]
        table = reject(table, pc.and_(pc.equal(kind, "deleted"), self.deleted), step="posters", reason="deleted")
        bots = pc.is_in(kind, value_set=pa.array(self.bots, pa.string()))
        return reject(table, bots, step="posters", reason="bot")


class Duration(Step):
    """Rejects a video longer than `max_seconds` (500 on Reddit in arXiv 2405.00942; null: no limit)."""

    max_seconds: float | None = Field(default=None, gt=0)

    def __call__(self, table: pa.Table) -> pa.Table:
        if self.max_seconds is None:
            return table
        longer = pc.greater(table["duration_seconds"], self.max_seconds)
        return reject(table, longer, step="duration", reason="too_long_video")


class Pictures(Step):
    """Rejects a post of which no medium was fetched (`no_media`) or none could be shown (`no_keyframe`).

    With `required = false` such a post makes a sample of text alone.
    """

    required: bool = True
    max_images: int = Field(default=4, ge=1)
    """Of a gallery, so many images are shown."""

    def __call__(self, table: pa.Table) -> pa.Table:
        if not self.required:
            return table
        table = reject(table, pc.equal(table["num_fetched"], 0), step="pictures", reason="no_media")
        return reject(table, pc.equal(table["num_pictures"], 0), step="pictures", reason="no_keyframe")


class Behaviour(Step):
    """Rejects a post with neither known likes nor `min_comments` comments: `no_behaviour`."""

    min_comments: int = Field(default=1, ge=1)

    def __call__(self, table: pa.Table) -> pa.Table:
        few = pc.less(table["num_comments_kept"], self.min_comments)
        silent = pc.and_(few, pc.invert(table["has_likes"]))
        return reject(table, silent, step="behaviour", reason="no_behaviour")
