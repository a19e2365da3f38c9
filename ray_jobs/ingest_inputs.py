"""What ingest reads: its settings, which files the inputs name, what each is, how it is cut into work items."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any, BinaryIO, cast

from pydantic import BaseModel, ConfigDict, Field

from pipelines.lake.runs import Phase
from pipelines.sources import SOURCES, Jsonl, Reddit, YouTube
from pipelines.sources.cutting import Piece as Cut
from pipelines.sources.cutting import Window, cut_ranges, plan_chunks, reblock
from pipelines.sources.origin import Origin
from pipelines.storage import Store, expand, split_uri
from ray_jobs.runtime import Item, Runtime
from schemas.errors import InputError
from schemas.manifest import Receipt, fingerprint

_HEAD_BYTES = 4 * 2**20
_HASH_BLOCK = 4 * 2**20
INPUTS = "inputs"
"""Plan and phase under which the lake remembers what its input files are."""


class IngestConfig(BaseModel):
    """The `[ingest]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[str, ...] = ()
    """SOURCE:PATH of every input of `run`."""
    max_bad_files: int = Field(0, ge=0)
    """Files that may be damaged as a whole before the run stops without a commit."""
    chunk_bytes: int = Field(64 * 2**20, ge=2**16)
    """Raw bytes of one work item of a file of lines; enters no digest."""
    scratch: str | None = None
    """Where re-blocked chunks lie until the commit; default `<lake>.scratch`."""
    reddit: Reddit = Reddit()
    youtube: YouTube = YouTube()
    jsonl: Jsonl = Jsonl()

    def source(self, name: str) -> Reddit | YouTube | Jsonl:
        return cast(Reddit | YouTube | Jsonl, getattr(self, name))


def parse_input(text: str) -> tuple[str, str]:
    """SOURCE:PATH as its two halves; raises InputError for an unknown source."""
    source, colon, path = text.partition(":")
    if not colon or source not in SOURCES or not path:
        expected = "SOURCE:PATH with SOURCE one of " + ", ".join(sorted(SOURCES))
        raise InputError("not an input", where=text, field="source", expected=expected, got=source)
    return source, path


def resolve_inputs(inputs: Sequence[str]) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    for text in inputs:
        source, pattern = parse_input(text)
        for path in expand(pattern):
            found[source, path] = None
    return sorted(found)


def inspect_files(
    lake_uri: str, files: list[tuple[str, str]], config: IngestConfig, runtime: Runtime
) -> list[dict[str, Any]]:
    """What each file is: source, uri, name, sha256, size and how it can be cut. Remembered by URI, size and time."""
    items = []
    for source, uri in files:
        store, name = split_uri(uri)
        try:
            stamp, size = store.stamp(name), store.size(name)
        except FileNotFoundError as error:
            raise InputError("no such file", where=uri) from error
        payload = {"uri": uri, "source": source, "name": name, "size": size}
        memo = payload | {"stamp": stamp, "chunk_bytes": config.chunk_bytes}
        items.append(Item(fingerprint(memo)[:24], size, payload))
    phase = Phase(lake_uri, INPUTS, INPUTS)
    receipts = runtime.run(phase, items, partial(_inspect_file, config=config))
    return [item.payload | receipts[item.id].notes for item in items]


def _inspect_file(_phase: Phase, item: Item, *, config: IngestConfig) -> Receipt:
    store, name = split_uri(item.payload["uri"])
    digest = hashlib.sha256()
    head = b""
    with store.open(name) as stream:
        while block := stream.read(_HASH_BLOCK):
            digest.update(block)
            if len(head) < _HEAD_BYTES:
                head += block
    source = config.source(item.payload["source"])
    plan = plan_chunks(head, item.payload["size"], source, target_bytes=config.chunk_bytes)
    return Receipt(
        item=item.id,
        notes={"sha256": digest.hexdigest(), "how": plan.how, "default_table": plan.default_table},
    )


def reblock_file(_phase: Phase, item: Item, *, scratch: str, target: int) -> Receipt:
    store, name = split_uri(item.payload["uri"])
    chunks = Store(scratch)
    sha256 = item.payload["sha256"]
    with store.open(name) as stream:
        done = reblock(stream, lambda i: chunks.writer(_chunk_path(sha256, i)), target)
    return Receipt(
        item=item.id, notes={"pieces": [[piece.offset, piece.length] for piece in done.pieces], "fault": done.fault}
    )


def _chunk_path(sha256: str, number: int) -> str:
    return f"{sha256[:24]}/{number:06d}.zst"


def parse_items(file: dict[str, Any], cut: Receipt | None, config: IngestConfig) -> list[Item]:
    name = f"{file['source']}-{file['sha256'][:24]}"
    if file["how"] == "whole":
        return [Item(name, file["size"], file)]
    if cut is None:
        store, path = split_uri(file["uri"])
        with store.open(path) as stream:
            pieces = [[p.offset, p.length] for p in cut_ranges(stream, file["size"], config.chunk_bytes)]
        fault = None
    else:
        pieces, fault = cut.notes["pieces"], cut.notes["fault"]
    last = len(pieces) - 1
    return [
        Item(
            f"{name}-{number:06d}",
            length,
            file | {"offset": offset, "length": length, "number": number, "fault": fault if number == last else None},
        )
        for number, (offset, length) in enumerate(pieces)
    ]


def open_piece(payload: dict[str, Any], scratch: str) -> tuple[BinaryIO, Origin]:
    store, name = split_uri(payload["uri"])
    whole = Origin(source_file=payload["sha256"], name=payload["name"])
    if payload["how"] == "whole":
        return store.open(name), whole
    origin = Origin(
        source_file=payload["sha256"],
        name=payload["name"],
        offset=payload["offset"],
        is_chunk=True,
        default_table=payload["default_table"],
        fault=payload["fault"],
    )
    if payload["how"] == "reblock":
        return Store(scratch).open(_chunk_path(payload["sha256"], payload["number"])), origin
    window = Window(store.open(name), Cut(payload["offset"], payload["length"]))
    return cast(BinaryIO, window), origin
