"""Every tool gets the same rows out of a version, whatever is committed after it."""

from __future__ import annotations

import pytest

from pipelines import open_lake
from pipelines.lake.commit import create_or_open
from tests.pipelines.lake.conftest import post, write_table
from tests.pipelines.lake.readers import READERS, UGLY_POSTS, in_order, through_pyarrow


@pytest.fixture
def lake(make_lake):
    draft = make_lake(7)
    ugly = [post(100 + number, **values) for number, values in enumerate(UGLY_POSTS)]
    draft.update({"posts": write_table(draft, "posts", [post(n) for n in range(7)] + ugly)})
    draft.publish("ugly")
    again = create_or_open(draft.store.uri)
    again.update({"posts": write_table(again, "posts", [post(n, likes=0) for n in range(3)])})
    again.publish("later")
    return draft.store.uri


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("name", "count"), [("posts@1", 7), ("posts@2", 12), ("posts", 3)])
def test_a_tool_reads_what_was_written(lake, reader, name, count):
    rows = READERS[reader](lake, name)
    assert len(rows) == count
    assert in_order(rows) == in_order(through_pyarrow(lake, name))


def test_the_rows_are_those_that_were_written(lake):
    rows = {row["post_id"]: row for row in through_pyarrow(lake, "posts@2")}
    for number, values in enumerate(UGLY_POSTS):
        found = rows[post(100 + number)["post_id"]]
        for column, value in values.items():
            have = found[column]
            if column == "created_at":
                have = round(have.timestamp() * 10**6)
            assert have == value, column


def test_a_filter_and_a_projection_reach_the_files(lake):
    import polars as pl

    posts = open_lake(lake).table("posts@2")
    found = pl.scan_pyarrow_dataset(posts).filter(pl.col("likes") > 4).select("post_id").collect()
    assert found.height == 5
    assert found.columns == ["post_id"]
