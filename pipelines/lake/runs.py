"""Receipts: what a run has finished, so that the same command, started again, does only what is missing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pipelines.storage import Store
from schemas.errors import LakeError
from schemas.manifest import Receipt, fingerprint


def plan_digest(stage: str, content: dict[str, Any]) -> str:
    """What names a run: everything that decides its output, and nothing that does not."""
    return f"{stage}-{fingerprint(content)[:16]}"


@dataclass(frozen=True)
class Phase:
    """One phase of a planned run; knows where its receipts and exchange files lie."""

    lake_uri: str
    plan: str
    name: str

    @property
    def folder(self) -> str:
        return f"_runs/{self.plan}"

    def receipt_path(self, item: str) -> str:
        return f"{self.folder}/{self.name}/{item}.json"

    def part_path(self, item: str, table: str) -> str:
        return f"{self.folder}/parts/{self.name}-{item}-{table}.arrow"

    def finished(self, store: Store) -> dict[str, Receipt]:
        """The receipts of this phase, by item. One whose exchange files or shards are gone counts as not done."""
        names = [path.rpartition("/")[2] for path, _ in store.walk(f"{self.folder}/{self.name}")]
        items = [name.removesuffix(".json") for name in names if name.endswith(".json")]
        found = {item: self.receipt(store, item) for item in items}
        return {item: receipt for item, receipt in found.items() if receipt is not None}

    def receipt(self, store: Store, item: str) -> Receipt | None:
        """The item's receipt; None if it is not done, or if what it made is gone."""
        path = self.receipt_path(item)
        try:
            receipt = Receipt.from_json(store.read(path), where=store.full(path))
        except FileNotFoundError:
            return None
        except LakeError:
            store.delete(path)  # Written by another release: the item is done again.
            return None
        if all(store.exists(made) for made in receipt.paths()):
            return receipt
        store.delete(path)  # Work is repeatable, and its new receipt may not be hidden by this one.
        return None

    def record(self, store: Store, receipt: Receipt) -> None:
        """Keep the receipt; a second worker that did the same item finds it there, and its own was equal."""
        with suppress(FileExistsError):
            store.create(self.receipt_path(receipt.item), receipt.to_json())


def forget_run(store: Store, plan: str) -> None:
    """Drop all receipts and exchange files of a run (`--restart`)."""
    store.delete_all(f"_runs/{plan}")


def drop_parts(store: Store, plan: str, phases: tuple[str, ...]) -> None:
    """After a commit: drop the exchange files, and before them the receipts that promise them."""
    for phase in phases:
        store.delete_all(f"_runs/{plan}/{phase}")
    store.delete_all(f"_runs/{plan}/parts")
