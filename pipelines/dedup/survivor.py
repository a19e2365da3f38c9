"""Which post of several stands for all; used by `resolve` and `clusters`.

By content, never by arrival: most liked first, then earliest, then smallest id. Unknown likes or times come last.
"""

from __future__ import annotations

import polars as pl

MERIT = ("likes", "created_at", "post_id")


def by_merit(posts: pl.DataFrame, *, within: tuple[str, ...] = ()) -> pl.DataFrame:
    """The rows in order of merit (inside groups of equal `within`), the survivor first."""
    columns = [*within, *MERIT]
    descending = [False] * len(within) + [True, False, False]
    return posts.sort(columns, descending=descending, nulls_last=True)
