from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.runs import Phase
from pipelines.storage import Store
from ray_jobs.output import Output
from ray_jobs.runtime import Item, Runtime, group_items
from schemas.errors import InputError
from schemas.manifest import Ledger, Receipt


def count_letters(phase: Phase, item: Item, *, log: str) -> Receipt:
    with open(log, "a") as file:
        file.write(item.id + "\n")
    return Receipt(item=item.id, ledgers={"posts": Ledger(rows_in=len(item.payload["text"]), accepted=0)})


def refuse_b(phase: Phase, item: Item, *, log: str) -> Receipt:
    if item.id == "b":
        raise InputError("will not do", where="b.txt", field="text", expected="a", got="b")
    return count_letters(phase, item, log=log)


def die_once(phase: Phase, item: Item, *, log: str) -> Receipt:
    if item.id == "b" and not Path(log + ".died").exists():
        Path(log + ".died").touch()
        os.kill(os.getpid(), 9)
    return count_letters(phase, item, log=log)


ITEMS = [Item(name, 1, {"text": name * n}) for n, name in enumerate("abcdefgh")]


def test_every_item_is_answered_and_a_second_run_takes_up_the_receipts(tmp_path, engine):
    runtime = Runtime(Output(), engine=engine, num_cpus=2)
    phase = Phase(str(tmp_path), "plan", "count")
    log = str(tmp_path / "log")
    first = runtime.run(phase, ITEMS, partial(count_letters, log=log))
    assert [receipt.ledgers["posts"].rows_in for receipt in first.values()] == list(range(8))
    assert sorted(Path(log).read_text().split()) == list("abcdefgh")
    assert runtime.run(phase, ITEMS, partial(count_letters, log=log)) == first
    assert len(Path(log).read_text().split()) == 8


def test_a_users_error_keeps_its_kind_and_the_finished_items(tmp_path, engine):
    runtime = Runtime(Output(), engine=engine, num_cpus=2)
    phase = Phase(str(tmp_path), "plan", "count")
    log = str(tmp_path / "log")
    with pytest.raises(InputError, match=r"b\.txt: will not do \(field text, expected a, got b\)"):
        runtime.run(phase, ITEMS[:2], partial(refuse_b, log=log))
    assert set(phase.finished(Store(str(tmp_path)))) == {"a"}


def test_a_killed_worker_costs_no_item(tmp_path, local_ray):
    runtime = Runtime(Output(), engine="ray", num_cpus=2)
    phase = Phase(str(tmp_path), "plan", "count")
    log = str(tmp_path / "log")
    answered = runtime.run(phase, ITEMS, partial(die_once, log=log))
    assert Path(log + ".died").exists()
    assert [receipt.item for receipt in answered.values()] == list("abcdefgh")


def test_a_receipt_whose_exchange_file_is_gone_counts_as_not_done(tmp_path):
    store, phase = Store(str(tmp_path)), Phase(str(tmp_path), "plan", "count")
    store.put("part.arrow", b"x")
    phase.record(
        store,
        Receipt.model_validate({"item": "a", "parts": {"posts": {"path": "part.arrow", "rows": 1, "batches": {}}}}),
    )
    assert set(phase.finished(store)) == {"a"}
    store.delete("part.arrow")
    assert phase.finished(store) == {}


@given(st.lists(st.integers(0, 10**9), max_size=50), st.integers(1, 16))
def test_groups_hold_every_item_once_and_keep_all_cpus_busy(weights, cpus):
    items = [Item(f"i{n}", weight, {}) for n, weight in enumerate(weights)]
    groups = group_items(items, cpus)
    assert sorted(item.id for group in groups for item in group) == sorted(item.id for item in items)
    assert all(groups)
    limit = max(1, sum(weights) // (cpus * 4))
    assert all(len(group) == 1 or sum(item.weight for item in group) <= limit for group in groups)
