"""What each training worker reads, and in which order: laid down before training starts, read through Ray Data.

The order of an epoch is a function of (seed, epoch) and the sample ids alone. Step s takes the next `global batch` of
that order and gives each rank its equal share, so that the same global batch means the same steps on any number of
workers. Nothing is dropped or doubled: only the very last step is short, and a rank left without a sample there gets
one of weight 0.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from pipelines.lake.reader import Lake
from pipelines.media.frames import Frames
from pipelines.storage import Store

COLUMNS = ["sample_id", "post_id", "split", "messages", "targets"]
_STEPS_PER_FILE = 256
_STEPS_PER_BLOCK = 32


@dataclass(frozen=True)
class Feed:
    """Where the feed lies and how long it is."""

    store: str
    folder: str
    steps: int
    ranks: int

    def path(self, rank: int, first_step: int) -> str:
        return f"{self.folder}/rank{rank:05d}-{first_step:08d}.arrow"


def epoch_order(sample_ids: list[str], seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Row numbers in the order of one epoch, shape (samples,): by SHA-256 of seed, epoch and id."""
    keys = [hashlib.sha256(f"{seed}:{epoch}:{sample_id}".encode()).digest() for sample_id in sample_ids]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)


def whole_order(sample_ids: list[str], seed: int, epochs: float) -> npt.NDArray[np.int64]:
    """The order of all epochs, the last one cut at the fraction, shape (round(epochs * samples),)."""
    wanted = max(1, round(epochs * len(sample_ids)))
    orders = [epoch_order(sample_ids, seed, epoch) for epoch in range(math.ceil(wanted / max(1, len(sample_ids))))]
    return np.concatenate(orders)[:wanted]


def shares(order: npt.NDArray[np.int64], ranks: int, per_rank: int) -> list[list[tuple[npt.NDArray[np.int64], float]]]:
    """For each step, each rank's rows and their weight: 1, or 0 where the last step has no sample left for a rank."""
    size = ranks * per_rank
    steps = []
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        cut = [rows[rank * per_rank : (rank + 1) * per_rank] for rank in range(ranks)]
        steps.append([(mine, 1.0) if len(mine) else (rows[:1], 0.0) for mine in cut])
    return steps


def write_feed(
    store: Store, folder: str, samples: pa.Table, order: npt.NDArray[np.int64], *, ranks: int, per_rank: int
) -> Feed:
    """Write every rank's samples in training order, one record batch a step."""
    planned = shares(order, ranks, per_rank)
    feed = Feed(store.uri, folder, len(planned), ranks)
    schema = samples.schema.append(pa.field("weight", pa.float64()))
    for rank in range(ranks):
        for first in range(0, len(planned), _STEPS_PER_FILE):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_file(sink, schema) as writer:
                for step in planned[first : first + _STEPS_PER_FILE]:
                    rows, weight = step[rank]
                    table = samples.take(pa.array(rows)).combine_chunks()
                    weighted = table.append_column("weight", pa.array(np.full(len(rows), weight)))
                    writer.write_batch(weighted.combine_chunks().to_batches()[0])
            store.put(feed.path(rank, first), sink.getvalue())
    return feed


def read_steps(feed: Feed, rank: int, first: int, last: int) -> pa.Table:
    """The samples of steps first..last-1 of one rank, with the step's number; all lie in one file."""
    start = first // _STEPS_PER_FILE * _STEPS_PER_FILE
    with Store(feed.store).arrow(feed.path(rank, start)) as file, pa.ipc.open_file(file) as reader:
        tables = []
        for step in range(first, last):
            table = pa.Table.from_batches([reader.get_batch(step - start)])
            tables.append(table.append_column("step", pa.array(np.full(table.num_rows, step))))
    return pa.concat_tables(tables)


def stream(feed: Feed, rank: int, first_step: int, lake: Lake) -> Iterator[list[dict[str, Any]]]:
    """This rank's samples, a list a step, from `first_step` on; media are added here, so no block carries them."""
    import ray.data

    spans = []
    start = first_step
    while start < feed.steps:
        # A block never crosses a file, whichever step a resumed run begins with.
        end = min(start + _STEPS_PER_BLOCK, (start // _STEPS_PER_FILE + 1) * _STEPS_PER_FILE, feed.steps)
        spans.append({"first": start, "last": end})
        start = end
    if not spans:
        return
    frames = Frames(lake)

    def load(block: pa.Table) -> pa.Table:
        return pa.concat_tables([read_steps(feed, rank, **span) for span in block.to_pylist()])

    ray.data.DataContext.get_current().execution_options.preserve_order = True
    blocks = ray.data.from_items(spans, override_num_blocks=len(spans)).map_batches(
        load, batch_size=None, batch_format="pyarrow", num_cpus=0.25
    )
    for block in blocks.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
        rows = block.to_pylist()
        for step in sorted({row["step"] for row in rows}):
            yield [with_media(row, frames) for row in rows if row["step"] == step]


def with_media(row: dict[str, Any], frames: Frames) -> dict[str, Any]:
    """A row of `samples` as training takes it: with the JPEGs of the media that its messages name."""
    named = [part["media_id"] for message in row["messages"] for part in message["content"] if part["media_id"]]
    return {
        "sample_id": row["sample_id"],
        "post_id": row["post_id"],
        "split": row["split"],
        "messages": row["messages"],
        "targets": row["targets"],
        "media": {media_id: frames.jpegs(media_id) for media_id in named},
        "weight": row.get("weight", 1.0),
    }
