"""Places of the comments under their canonical post; the last step of cleaning."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipelines.comments.columns import set_column
from pipelines.step import REASON, Step, reject, with_verdicts

_WORTH = ("likes", "created_at", "comment_id")


class Ranking(Step):
    """Ranks the comments that are left by likes, then time, then id; those after `keep` are `beyond_top_k`.

    Local to a post: all comments of a `canonical_id` must be in the table. Writes `rank` (from 1; null if not kept).
    """

    keep: int = Field(default=5, ge=1)

    def __call__(self, table: pa.Table) -> pa.Table:
        table = with_verdicts(table)
        columns = ["canonical_id", *_WORTH, REASON]
        left = pl.DataFrame(table.select(columns)).with_row_index("row").filter(pl.col(REASON).is_null())
        ordered = left.sort(*_WORTH, descending=[True, False, False], nulls_last=True)
        places = ordered.select("row", place=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("canonical_id"))
        rows = pl.DataFrame({"row": pl.arange(table.num_rows, dtype=pl.UInt32, eager=True)})
        place = rows.join(places, on="row", how="left", maintain_order="left")["place"].to_arrow()
        beyond = pc.greater(place, self.keep)
        table = reject(table, beyond, step="ranking", reason="beyond_top_k")
        rank = pc.if_else(beyond, pa.scalar(None, pa.int32()), place)
        return set_column(table, "rank", rank)
