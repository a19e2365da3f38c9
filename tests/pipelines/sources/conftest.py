"""What the tests of sources share: reading bytes to the end, and the check that the ledger closes."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from pipelines.sources import Jsonl, Origin, Reddit, Tables, YouTube
from schemas import AUTHORS, COMMENTS, POSTS, QUARANTINE

KEY = b"a key for tests only"
Source = Reddit | YouTube | Jsonl
ReadAll = Callable[..., Tables]


def join(batches: list[Tables]) -> Tables:
    """All batches as one, after checking each against its contract and the ledger."""
    for batch in batches:
        for table, contract in (
            (batch.posts, POSTS),
            (batch.comments, COMMENTS),
            (batch.authors, AUTHORS),
            (batch.quarantine, QUARANTINE),
        ):
            assert table.schema.equals(contract.schema, check_metadata=True)
            table.validate(full=True)
        lost = batch.quarantine["table"].to_pylist()
        assert batch.records == {
            "posts": len(batch.posts) + lost.count("posts"),
            "comments": len(batch.comments) + lost.count("comments"),
        }
    assert all(batch.problem is None for batch in batches[:-1])
    return Tables(
        posts=pa.concat_tables([b.posts for b in batches]),
        comments=pa.concat_tables([b.comments for b in batches]),
        authors=pa.concat_tables([b.authors for b in batches]),
        quarantine=pa.concat_tables([b.quarantine for b in batches]),
        records={t: sum(b.records[t] for b in batches) for t in ("posts", "comments")},
        problem=batches[-1].problem,
    )


@pytest.fixture
def read_all() -> ReadAll:
    """Read bytes through a source and join the batches; keyword arguments go to `Origin`."""

    def read(source: Source, data: bytes, **origin: object) -> Tables:
        place = Origin(**{"source_file": "f" * 64, "name": "test", **origin})  # type: ignore[arg-type]
        return join(list(source.read(io.BytesIO(data), place, KEY)))

    return read


@pytest.fixture(scope="session")
def join_all() -> Callable[[list[Tables]], Tables]:
    """`join`, for tests that read in their own way."""
    return join


@pytest.fixture
def key() -> bytes:
    return KEY


@pytest.fixture
def noon() -> datetime:
    return datetime(2026, 1, 2, 12, tzinfo=UTC)
