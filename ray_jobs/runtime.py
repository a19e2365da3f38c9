"""Running work items: through Ray Data, or in the calling process. The only thing that a stage knows of a cluster."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from pipelines.lake.runs import Phase
from pipelines.storage import Store
from ray_jobs.output import Output
from schemas import errors
from schemas.errors import PostlakeError, UserError
from schemas.manifest import Receipt

Engine = Literal["ray", "inline"]

# A task costs Ray Data 10-30 ms, so small items travel together.
_GROUP_BYTES = 256 * 2**20
_GROUPS_PER_CPU = 4
_OBJECT_STORE_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Item:
    """A piece of work: a stable name, its size in bytes, and what the work function needs to know."""

    id: str
    weight: int
    payload: dict[str, Any]


Work = Callable[[Phase, Item], Receipt]
"""A module-level function: does one item, writes its shards and parts, returns the receipt. Must be repeatable."""


class Runtime:
    """Runs the items of a phase and keeps their receipts."""

    def __init__(self, output: Output, *, engine: Engine = "ray", num_cpus: int | None = None) -> None:
        self.output, self.engine, self.num_cpus = output, engine, num_cpus

    def run(self, phase: Phase, items: Sequence[Item], work: Work) -> dict[str, Receipt]:
        """All items' receipts by item id; those that an earlier run has finished are taken up, not done again."""
        store = Store(phase.lake_uri)
        wanted = {item.id for item in items}
        done = {name: receipt for name, receipt in phase.finished(store).items() if name in wanted} if items else {}
        missing = [item for item in items if item.id not in done]
        if done and missing:
            self.output.log(f"{phase.name}: {len(done)} of {len(items)} items were done already")
        with self.output.progress(phase.name, len(missing)) as progress:
            for receipt in self._receipts(phase, missing, work):
                done[receipt.item] = receipt
                progress.advance(0)  # type: ignore[arg-type]
        unanswered = wanted - done.keys()
        if unanswered:
            raise PostlakeError("work items gave no answer", where=phase.name, got=", ".join(sorted(unanswered)[:5]))
        return {item.id: done[item.id] for item in items}

    def _receipts(self, phase: Phase, items: list[Item], work: Work) -> Iterator[Receipt]:
        if not items:
            return
        if self.engine == "inline":
            for item in items:
                yield _finish(phase, item, work)
            return
        yield from self._through_ray(phase, items, work)

    def _through_ray(self, phase: Phase, items: list[Item], work: Work) -> Iterator[Receipt]:
        import ray.data

        cpus = start_ray(self.num_cpus)
        groups = group_items(items, cpus)

        def run_group(batch: pa.Table) -> pa.Table:
            answers: list[str] = []
            for text in batch["group"].to_pylist():
                answers.extend(_answer(phase, Item(**fields), work) for fields in json.loads(text))
            return pa.table({"answer": pa.array(answers, pa.string())})

        rows = [{"group": json.dumps([item.__dict__ for item in group])} for group in groups]
        dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            run_group, batch_size=None, batch_format="pyarrow"
        )
        for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for text in batch["answer"].to_pylist():
                yield _unpack(text)


def group_items(items: Sequence[Item], cpus: int) -> list[list[Item]]:
    """Items, heaviest first, packed so that a group is worth a task and all CPUs get several."""
    total = sum(item.weight for item in items)
    limit = min(_GROUP_BYTES, max(1, total // (cpus * _GROUPS_PER_CPU)))
    groups: list[list[Item]] = []
    filled = 0
    for item in sorted(items, key=lambda item: (-item.weight, item.id)):
        if not groups or filled + item.weight > limit:
            groups.append([])
            filled = 0
        groups[-1].append(item)
        filled += item.weight
    return groups


def _finish(phase: Phase, item: Item, work: Work) -> Receipt:
    store = Store(phase.lake_uri)
    # A group that Ray tries again begins with what its dead worker had finished.
    receipt = phase.receipt(store, item.id)
    if receipt is None:
        receipt = work(phase, item)
        phase.record(store, receipt)
    return receipt


def _answer(phase: Phase, item: Item, work: Work) -> str:
    """The receipt as JSON, or the user's error as JSON: Ray would wrap an exception beyond recognition."""
    try:
        return "R" + _finish(phase, item, work).model_dump_json()
    except UserError as error:
        fields = {"message": error.message, "where": error.where, "field": error.field}
        return "E" + json.dumps([type(error).__name__, fields | {"expected": error.expected, "got": error.got}])


def _unpack(text: str) -> Receipt:
    if text[0] == "E":
        name, fields = json.loads(text[1:])
        kind: type[PostlakeError] = getattr(errors, name)
        raise kind(fields.pop("message"), **fields)
    return Receipt.model_validate_json(text[1:])


def start_ray(num_cpus: int | None = None, *, object_store_bytes: int = _OBJECT_STORE_BYTES) -> int:
    """Join the cluster that RAY_ADDRESS names, else start a local one; returns its CPUs."""
    import ray.data

    # Ray warns of what is as intended here: its own progress bars are off, a local cluster has a token.
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not ray.is_initialized():
        # One thread a task: the items are the parallelism.
        threads = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "ARROW_NUM_THREADS"), "1")
        options: dict[str, Any] = {"runtime_env": {"env_vars": threads}, "logging_level": logging.ERROR}
        if os.environ.get("RAY_ADDRESS"):
            ray.init(**options)
        else:
            ray.init(
                address="local",
                num_cpus=num_cpus,
                include_dashboard=False,
                object_store_memory=object_store_bytes,
                log_to_driver=False,
                **options,
            )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # Receipts are a few KiB. With reservation, Ray Data keeps half of the CPUs from its only operator for a second and
    # then leaves 0.15 s between tasks: measured, 4.1 s against 2.7 s for 540 MB on two cores.
    context.op_resource_reservation_enabled = False
    return max(1, int(ray.cluster_resources().get("CPU", 1)))
