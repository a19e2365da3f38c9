"""Places by likes, then time, then id, under each canonical post."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from pipelines.comments.ranking import Ranking
from pipelines.recipe import CleanRecipe
from pipelines.step import REASON, STEP, split_verdicts
from schemas import CLEAN_COMMENTS, COMMENTS
from schemas.contract import conform


def comments(*rows: dict[str, Any]) -> pa.Table:
    base = {"post_id": "p", "canonical_id": "p", "source_file": "f", "source_offset": 0}
    schema = COMMENTS.schema.append(pa.field("canonical_id", pa.string()))
    return pa.Table.from_pylist([base | row for row in rows], schema=schema)


def ranks(table: pa.Table) -> dict[str, int | None]:
    return dict(zip(table["comment_id"].to_pylist(), table["rank"].to_pylist(), strict=True))


def test_order() -> None:
    day = [dt.datetime(2020, 1, d, tzinfo=dt.UTC) for d in (1, 2)]
    table = comments(
        {"comment_id": "null likes", "likes": None, "created_at": day[0]},
        {"comment_id": "b", "likes": 5, "created_at": day[1]},
        {"comment_id": "negative", "likes": -1, "created_at": day[0]},
        {"comment_id": "a", "likes": 5, "created_at": day[1]},
        {"comment_id": "early", "likes": 5, "created_at": day[0]},
        {"comment_id": "null time", "likes": 5, "created_at": None},
        {"comment_id": "most", "likes": 9},
        {"comment_id": "other post", "canonical_id": "q", "likes": 0},
    )
    done = Ranking(keep=7)(table)
    assert ranks(done) == {
        "most": 1, "early": 2, "a": 3, "b": 4, "null time": 5, "negative": 6, "null likes": 7, "other post": 1
    }  # fmt: skip
    assert done[REASON].null_count == 8


def test_those_beyond_have_no_rank_and_a_reason() -> None:
    done = Ranking(keep=2)(comments(*({"comment_id": f"c{i}", "likes": i} for i in range(4))))
    assert ranks(done) == {"c3": 1, "c2": 2, "c1": None, "c0": None}
    assert done[REASON].to_pylist() == ["beyond_top_k", "beyond_top_k", None, None]
    assert done[STEP].to_pylist() == ["ranking", "ranking", None, None]


def test_rejected_comments_take_no_place() -> None:
    table = comments({"comment_id": "a", "likes": 9}, {"comment_id": "b", "likes": 1})
    table = table.append_column(STEP, pa.array(["x", None])).append_column(REASON, pa.array(["y", None]))
    assert ranks(Ranking(keep=1)(table)) == {"a": None, "b": 1}


def test_comments_of_a_cluster_are_ranked_together() -> None:
    table = comments(
        {"comment_id": "a", "post_id": "p", "likes": 1}, {"comment_id": "b", "post_id": "copy", "likes": 2}
    )
    assert ranks(Ranking()(table)) == {"b": 1, "a": 2}


@pytest.mark.parametrize("num_rows", [0, 30])
def test_the_recipe_fills_the_table_of_the_lake(num_rows: int) -> None:
    text = ["this is a really nice picture", "lol", None, "so cute, I love it", "ceci est une très belle photo, merci"]
    rows = [{"comment_id": f"c{i}", "text": text[i % 5], "likes": i} for i in range(num_rows)]
    accepted, rejected = split_verdicts(CleanRecipe()(comments(*rows)))
    kept = conform(accepted, CLEAN_COMMENTS)
    lost = conform(rejected, CLEAN_COMMENTS.rejected_schema)
    assert kept.num_rows + lost.num_rows == num_rows
    assert kept.num_rows == min(num_rows, 5)
    assert set(lost[REASON].to_pylist()) == (
        {"removed", "too_short", "not_language", "beyond_top_k"} if num_rows else set()
    )
