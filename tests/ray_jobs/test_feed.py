from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.storage import Store
from ray_jobs.feed import epoch_order, read_steps, shares, whole_order, write_feed

IDS = [f"reddit:{i:x}#blift_v1" for i in range(50)]


def test_an_epoch_holds_every_sample_once_in_an_order_of_its_own():
    first, second = epoch_order(IDS, 0, 0), epoch_order(IDS, 0, 1)
    assert sorted(first) == sorted(second) == list(range(50))
    assert list(first) != list(second)
    assert list(epoch_order(IDS, 1, 0)) != list(first)


def test_the_order_is_of_ids_not_of_rows():
    shuffled = [IDS[i] for i in np.random.default_rng(0).permutation(50)]
    assert [IDS[i] for i in epoch_order(IDS, 3, 2)] == [shuffled[i] for i in epoch_order(shuffled, 3, 2)]


def test_a_fraction_of_an_epoch_is_its_beginning():
    order = whole_order(IDS, 0, 2.2)
    assert len(order) == 110
    assert list(order[:50]) == list(epoch_order(IDS, 0, 0))
    assert list(order[100:]) == list(epoch_order(IDS, 0, 2))[:10]


@given(st.integers(1, 200), st.integers(1, 8), st.integers(1, 8))
def test_no_sample_is_lost_or_doubled_and_all_ranks_take_the_same_steps(num, ranks, per_rank):
    order = np.arange(num)
    steps = shares(order, ranks, per_rank)
    assert len(steps) == -(-num // (ranks * per_rank))
    assert all(len(step) == ranks and all(1 <= len(rows) <= per_rank for rows, _ in step) for step in steps)
    weighted = [row for step in steps for rows, weight in step if weight == 1.0 for row in rows]
    assert weighted == list(order)


def test_two_workers_take_what_one_takes_with_twice_the_batch():
    order = whole_order(IDS, 0, 1.0)

    def taken(ranks: int, per_rank: int) -> list[list[int]]:
        return [
            [int(row) for rows, weight in step if weight for row in rows] for step in shares(order, ranks, per_rank)
        ]

    assert taken(1, 8) == taken(2, 4)


def test_what_is_written_is_read_from_any_step_on(tmp_path):
    samples = pa.table({"sample_id": IDS, "split": ["train"] * 50})
    feed = write_feed(Store(str(tmp_path)), "feed", samples, whole_order(IDS, 0, 1.0), ranks=2, per_rank=3)
    assert feed.steps == 9
    seen = [
        (row["step"], row["sample_id"])
        for rank in range(2)
        for row in read_steps(feed, rank, 0, 9).to_pylist()
        if row["weight"]
    ]
    assert sorted(sample_id for _, sample_id in seen) == sorted(IDS)
    assert read_steps(feed, 1, 4, 9).to_pylist() == [
        row for row in read_steps(feed, 1, 0, 9).to_pylist() if row["step"] >= 4
    ]
