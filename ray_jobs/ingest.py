"""The ingest job: raw dumps -> tables `posts`, `comments`, `authors`, `quarantine`.

Phases: `inputs` (hash and sniff every file), `reblock` (cut big compressed files into chunks), `parse` (a file or a
chunk -> rows by bucket), `merge` (a bucket: old rows and new ones, the latest observation of each).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import partial
from typing import Any, BinaryIO, cast

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from pipelines.lake.commit import Draft, check_key
from pipelines.lake.observations import count_reasons, latest, merge_tokens
from pipelines.lake.runs import Phase, drop_parts, forget_run, plan_digest
from pipelines.lake.shards import read_shards, sort_rows, write_shards
from pipelines.sources import SOURCES, Jsonl, Reddit, YouTube
from pipelines.sources.cutting import Piece as Cut
from pipelines.sources.cutting import Window, cut_ranges, plan_chunks, reblock
from pipelines.sources.origin import Origin
from pipelines.sources.source import Source
from pipelines.sources.tables import LEDGER_TABLES
from pipelines.step import REASON, STEP
from pipelines.storage import Store, expand, split_uri
from ray_jobs.exchange import receive, received, send
from ray_jobs.runtime import Item, Runtime
from ray_jobs.stage import as_json, bucket_shards, from_json, make_manifest, parent_digests, plan_of
from schemas import TABLES
from schemas.errors import ConfigError, InputError, LedgerError
from schemas.manifest import Input, Ledger, Manifest, Receipt, fingerprint

TABLES_MADE = ("posts", "comments", "authors", "quarantine")
_HEAD_BYTES = 4 * 2**20
_HASH_BLOCK = 4 * 2**20
_RAW_BYTES_PER_ROW = 300


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

    def source(self, name: str) -> Source:
        return cast(Source, getattr(self, name))


def ingest(
    draft: Draft, inputs: Sequence[str], config: IngestConfig, runtime: Runtime, *, restart: bool = False
) -> bool:
    """Read the inputs (SOURCE:PATH, PATH a file, folder, glob or URI) into the draft; False if it has them all.

    Raises InputError, with nothing taken into the draft, if more than `max_bad_files` files are damaged.
    """
    key = check_key(draft)
    files = _inspect(draft, _resolve_inputs(inputs), config, runtime)
    known = {(entry.source, entry.sha256) for entry in _consumed(draft)}
    new = {(f["source"], f["sha256"]): f for f in files if (f["source"], f["sha256"]) not in known}
    recipe = _recipe(draft, {f["source"] for f in files}, config)
    if not new:
        return False
    chosen = [new[name] for name in sorted(new)]
    plan = plan_digest(
        "ingest",
        {
            "base": plan_of("ingest", draft, parents=TABLES_MADE, made=TABLES_MADE, recipe=recipe),
            "inputs": sorted(new),
            "key": draft.settings.key_fingerprint,
            "chunk_bytes": config.chunk_bytes,
        },
    )
    if restart:
        forget_run(draft.store, plan)
    scratch = Store(f"{config.scratch or draft.store.uri + '.scratch'}/{plan}")
    parsed = _parse_all(draft, plan, chosen, config, runtime, key, scratch)
    problems = _problems(chosen, parsed)
    if len(problems) > config.max_bad_files:
        name, problem = next(iter(problems.items()))
        raise InputError(
            f"damaged input, nothing was committed: {problem}",
            where=name,
            field="max_bad_files",
            expected=f"at most {config.max_bad_files} damaged files",
            got=str(len(problems)),
        )
    merged = _merge_all(draft, plan, parsed, runtime)
    inputs_now = (*_consumed(draft), *(_as_input(f, parsed, problems) for f in chosen))
    draft.update(_manifests(draft, plan, recipe, inputs_now, parsed, merged))
    drop_parts(draft.store, plan, ("parse", "reblock"))
    scratch.delete_all("")
    return True


def parse_input(text: str) -> tuple[str, str]:
    """SOURCE:PATH as its two halves; raises InputError for an unknown source."""
    source, colon, path = text.partition(":")
    if not colon or source not in SOURCES or not path:
        expected = "SOURCE:PATH with SOURCE one of " + ", ".join(sorted(SOURCES))
        raise InputError("not an input", where=text, field="source", expected=expected, got=source)
    return source, path


def _resolve_inputs(inputs: Sequence[str]) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    for text in inputs:
        source, pattern = parse_input(text)
        for path in expand(pattern):
            found[source, path] = None
    return sorted(found)


def _consumed(draft: Draft) -> tuple[Input, ...]:
    manifest = draft.manifest("posts")
    return manifest.inputs if manifest else ()


def _recipe(draft: Draft, sources: set[str], config: IngestConfig) -> dict[str, Any]:
    """Settings by source, those of earlier inputs included; raises ConfigError where the two differ."""
    manifest = draft.manifest("posts")
    before: dict[str, Any] = dict(manifest.recipe) if manifest else {}
    for name in sorted(sources):
        settings = config.source(name).model_dump(mode="json", exclude={"media_root"})
        if before.setdefault(name, settings) != settings:
            field = next(key for key in settings if before[name].get(key) != settings[key])
            raise ConfigError(
                "the lake's earlier inputs were read with another setting; ingest them all into a new lake",
                where=f"[ingest.{name}]",
                field=field,
                expected=str(before[name].get(field))[:80],
                got=str(settings[field])[:80],
            )
    return before


def _inspect(
    draft: Draft, files: list[tuple[str, str]], config: IngestConfig, runtime: Runtime
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
    phase = Phase(draft.store.uri, "inputs", "inputs")
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
    plan = plan_chunks(head, item.payload["size"], source.table_of, target_bytes=config.chunk_bytes)
    return Receipt(
        item=item.id,
        notes={"sha256": digest.hexdigest(), "how": plan.how, "default_table": plan.default_table},
    )


def _parse_all(
    draft: Draft,
    plan: str,
    files: list[dict[str, Any]],
    config: IngestConfig,
    runtime: Runtime,
    key: bytes,
    scratch: Store,
) -> dict[str, Receipt]:
    uri = draft.store.uri
    to_cut = [Item(f["sha256"][:24], f["size"], f) for f in files if f["how"] == "reblock"]
    cut = runtime.run(
        Phase(uri, plan, "reblock"), to_cut, partial(_reblock, scratch=scratch.uri, target=config.chunk_bytes)
    )
    items = [item for f in files for item in _parse_items(f, cut.get(f["sha256"][:24]), config)]
    work = partial(_parse, config=config, key=key, scratch=scratch.uri, buckets=draft.settings.buckets)
    return runtime.run(Phase(uri, plan, "parse"), items, work)


class _ChunkFile(io.BytesIO):
    """A chunk under way; it reaches the scratch store as a whole, when it is closed."""

    def __init__(self, store: Store, path: str) -> None:
        super().__init__()
        self._store, self._path = store, path

    def close(self) -> None:
        if not self.closed:
            self._store.put(self._path, self.getvalue())
        super().close()


def _reblock(_phase: Phase, item: Item, *, scratch: str, target: int) -> Receipt:
    store, name = split_uri(item.payload["uri"])
    chunks = Store(scratch)
    sha256 = item.payload["sha256"]
    with store.open(name) as stream:
        done = reblock(stream, lambda i: cast(BinaryIO, _ChunkFile(chunks, _chunk_path(sha256, i))), target)
    return Receipt(
        item=item.id, notes={"pieces": [[piece.offset, piece.length] for piece in done.pieces], "fault": done.fault}
    )


def _chunk_path(sha256: str, number: int) -> str:
    return f"{sha256[:24]}/{number:06d}.zst"


def _parse_items(file: dict[str, Any], cut: Receipt | None, config: IngestConfig) -> list[Item]:
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


def _open_piece(payload: dict[str, Any], scratch: str) -> tuple[BinaryIO, Origin]:
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


def _parse(phase: Phase, item: Item, *, config: IngestConfig, key: bytes, scratch: str, buckets: int) -> Receipt:
    store = Store(phase.lake_uri)
    source = config.source(item.payload["source"])
    stream, origin = _open_piece(item.payload, scratch)
    parts, problem = {}, None
    records = dict.fromkeys(LEDGER_TABLES, 0)
    quarantined = dict.fromkeys(LEDGER_TABLES, 0)
    with stream:
        for serial, tables in enumerate(source.read(stream, origin, key)):
            problem = tables.problem or problem
            lost = tables.quarantine["table"].to_pylist()
            for name in LEDGER_TABLES:
                records[name] += tables.records.get(name, 0)
                quarantined[name] += lost.count(name)
                read = getattr(tables, name).num_rows + lost.count(name)
                if read != tables.records.get(name, 0):
                    raise LedgerError(
                        f"{name}: records are missing or doubled",
                        where=origin.name,
                        expected=str(tables.records.get(name, 0)),
                        got=str(read),
                    )
            for name in TABLES_MADE:
                rows, by = getattr(tables, name), TABLES[name].bucket_by
                parts |= send(store, phase, item, f"{name}.{serial}", rows, by, buckets)
    return Receipt(
        item=item.id, parts=parts, notes={"records": records, "quarantined": quarantined, "problem": problem}
    )


def _of_file(file: dict[str, Any], parsed: dict[str, Receipt]) -> list[Receipt]:
    prefix = f"{file['source']}-{file['sha256'][:24]}"
    return [receipt for name, receipt in parsed.items() if name == prefix or name.startswith(prefix + "-")]


def _problems(files: list[dict[str, Any]], parsed: dict[str, Receipt]) -> dict[str, str]:
    found = {}
    for file in files:
        for receipt in _of_file(file, parsed):
            if receipt.notes["problem"]:
                found[file["uri"]] = receipt.notes["problem"]
    return found


def _as_input(file: dict[str, Any], parsed: dict[str, Receipt], problems: dict[str, str]) -> Input:
    receipts = _of_file(file, parsed)
    return Input(
        name=file["name"],
        source=file["source"],
        size=file["size"],
        sha256=file["sha256"],
        records={name: sum(r.notes["records"][name] for r in receipts) for name in LEDGER_TABLES},
        problem=problems.get(file["uri"]),
    )


def _merge_all(draft: Draft, plan: str, parsed: dict[str, Receipt], runtime: Runtime) -> dict[str, Receipt]:
    items = []
    for table in TABLES_MADE:
        old, old_rejected = bucket_shards(draft, table), bucket_shards(draft, table, rejected=True)
        for bucket, files in sorted(received(parsed.values(), table).items()):
            shards, rejected = old.get(bucket, []), old_rejected.get(bucket, [])
            share = sum(file["rows"] for file in files) * _RAW_BYTES_PER_ROW // draft.settings.buckets
            items.append(
                Item(
                    f"{table}-b{bucket:05d}",
                    sum(shard.bytes for shard in (*shards, *rejected)) + share,
                    {
                        "table": table,
                        "bucket": bucket,
                        "files": files,
                        "shards": as_json(shards),
                        "rejected": as_json(rejected),
                    },
                )
            )
    return runtime.run(Phase(draft.store.uri, plan, "merge"), items, _merge)


def _merge(phase: Phase, item: Item) -> Receipt:
    store, bucket = Store(phase.lake_uri), item.payload["bucket"]
    contract = TABLES[item.payload["table"]]
    new = receive(store, item.payload["files"], bucket, contract.schema)
    old = read_shards(store, contract, from_json(item.payload["shards"]))
    old_rejected = read_shards(store, contract, from_json(item.payload["rejected"]), rejected=True)
    rows = pa.concat_tables([old, old_rejected.drop_columns([STEP, REASON]).cast(contract.schema), new])
    rejected = contract.rejected_schema.empty_table()
    if contract.name in LEDGER_TABLES:
        accepted, rejected = latest(rows, contract)
    elif contract.name == "authors":
        accepted = merge_tokens(rows)
    else:
        accepted = sort_rows(rows, (*contract.key, "table"))
    rows_in = rows.num_rows if contract.name in LEDGER_TABLES else accepted.num_rows
    return Receipt(
        item=item.id,
        shards={contract.name: tuple(write_shards(store, contract, accepted, bucket))},
        rejected_shards={contract.name: tuple(write_shards(store, contract, rejected, bucket, rejected=True))},
        ledgers={contract.name: Ledger(rows_in=rows_in, accepted=accepted.num_rows, rejected=count_reasons(rejected))},
        notes={"bucket": bucket, "before": _ledger_before(old.num_rows, old_rejected)},
    )


def _ledger_before(accepted: int, rejected: Any) -> dict[str, Any]:
    return {"accepted": accepted, "rejected": count_reasons(rejected)}


def _manifests(
    draft: Draft,
    plan: str,
    recipe: dict[str, Any],
    inputs: tuple[Input, ...],
    parsed: dict[str, Receipt],
    merged: dict[str, Receipt],
) -> dict[str, Manifest]:
    """Manifests of all four tables; untouched buckets are carried over as they are."""
    parents = parent_digests(draft, TABLES_MADE)
    made = {}
    for table in TABLES_MADE:
        mine = [receipt for receipt in merged.values() if table in receipt.ledgers]
        kept = _untouched(draft, table, mine)
        rows_in = quarantined = None
        if table in LEDGER_TABLES:
            before = draft.manifest(table)
            rows_in = sum(r.notes["records"][table] for r in parsed.values())
            quarantined = sum(r.notes["quarantined"][table] for r in parsed.values())
            if before is not None:
                rows_in += before.ledger.rows_in
                quarantined += before.ledger.quarantined
        made[table] = make_manifest(
            table,
            [kept, *mine],
            plan=plan,
            recipe=recipe,
            parents=parents,
            inputs=inputs,
            rows_in=rows_in,
            quarantined=quarantined or 0,
        )
    return made


def _untouched(draft: Draft, table: str, merged: list[Receipt]) -> Receipt:
    """A receipt for the buckets of the parent version that got no new row."""
    before = draft.manifest(table)
    if before is None:
        return Receipt(item="untouched", ledgers={table: Ledger(rows_in=0, accepted=0)})
    touched = {receipt.notes["bucket"] for receipt in merged}
    accepted = before.ledger.accepted - sum(r.notes["before"]["accepted"] for r in merged)
    rejected = {
        reason: count - sum(r.notes["before"]["rejected"].get(reason, 0) for r in merged)
        for reason, count in before.ledger.rejected.items()
    }
    return Receipt(
        item="untouched",
        shards={table: tuple(s for s in before.shards if s.bucket not in touched)},
        rejected_shards={table: tuple(s for s in before.rejected_shards if s.bucket not in touched)},
        ledgers={table: Ledger(rows_in=accepted + sum(rejected.values()), accepted=accepted, rejected=rejected)},
    )
