import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.buckets import bucket_of, buckets_of


@given(st.lists(st.text(max_size=20), min_size=1, max_size=30), st.integers(1, 4096), st.integers(0, 29))
def test_column_and_single_key_agree(keys, num_buckets, skip):
    column = pa.array(keys)
    assert buckets_of(column, num_buckets).tolist() == [bucket_of(key, num_buckets) for key in keys]
    assert buckets_of(column.slice(skip), num_buckets).tolist() == [bucket_of(k, num_buckets) for k in keys[skip:]]


def test_buckets_are_fixed_for_ever():
    # A change of the function would send old rows and new ones of the same key to different buckets.
    assert [bucket_of(key, 1024) for key in ("", "reddit:abc", "youtube:dQw4w9WgXcQ", "é")] == EXPECTED


def test_keys_spread_evenly():
    counts = np.bincount(buckets_of(pa.array([f"reddit:{i:x}" for i in range(64_000)]), 64), minlength=64)
    assert counts.min() > 800
    assert counts.max() < 1200


def test_a_null_counts_as_the_empty_string():
    assert buckets_of(pa.array([None, ""], pa.string()), 64).tolist() == [bucket_of("", 64)] * 2


EXPECTED = [155, 44, 906, 414]
