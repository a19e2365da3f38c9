"""A poster's bucket decides the split; posts without one are spread by their id."""

from __future__ import annotations

from collections import Counter

import pytest
from pydantic import ValidationError

from pipelines.samples.split import Split


def test_the_bucket_decides() -> None:
    split = Split()
    for bucket in range(1024):
        assert len({split.of(bucket, f"reddit:{i}") for i in range(5)}) == 1


def test_splits_never_change() -> None:
    """Fixed values: a release made before must find its posts in the same splits."""
    split = Split(train=0.5, val=0.25, test=0.25)
    assert [split.of(bucket, "") for bucket in range(8)] == BY_BUCKET
    assert [split.of(None, f"reddit:{i}") for i in range(8)] == BY_ID


@pytest.mark.parametrize("by_bucket", [True, False])
def test_shares_are_met(by_bucket: bool) -> None:
    split = Split(train=0.8, val=0.15, test=0.05)
    units = [(i % 1024, "") if by_bucket else (None, f"youtube:{i}") for i in range(1024 if by_bucket else 20_000)]
    counts = Counter(split.of(bucket, post) for bucket, post in units)
    for name, share in (("train", 0.8), ("val", 0.15), ("test", 0.05)):
        assert counts[name] / len(units) == pytest.approx(share, abs=0.035 if by_bucket else 0.01)


def test_whole_shares() -> None:
    assert {Split(train=1, val=0, test=0).of(b, "") for b in range(1024)} == {"train"}
    assert {Split(train=0, val=0, test=1).of(b, "") for b in range(1024)} == {"test"}
    assert {Split(train=0, val=1, test=0).of(b, "") for b in range(1024)} == {"val"}


def test_shares_must_add_up() -> None:
    with pytest.raises(ValidationError, match=r"add up to 1, got 1\.1"):
        Split(train=0.9, val=0.1, test=0.1)


BY_BUCKET = ["test", "test", "train", "val", "train", "test", "val", "train"]
BY_ID = ["test", "train", "train", "val", "test", "train", "test", "train"]
