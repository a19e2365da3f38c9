"""The ingest job: raw dumps -> tables `posts`, `comments`, `authors`, `quarantine`.

Phases: `inputs` (hash and sniff every file), `reblock` (cut big compressed files into chunks), `parse` (a file or a
chunk -> rows by bucket), `merge` (a bucket: old rows and new ones, the latest observation of each).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from pipelines.lake.commit import Draft, check_key
from pipelines.lake.observations import count_reasons, latest, merge_tokens
from pipelines.lake.runs import Phase, drop_parts, forget_run, plan_digest
from pipelines.lake.shards import read_shards, sort_rows, write_shards
from pipelines.lake.tombstones import Graves, obey, read_tombstones
from pipelines.sources.tables import LEDGER_TABLES, Tables
from pipelines.step import REASON, STEP
from pipelines.storage import Store
from ray_jobs.exchange import Outbox, receive, received
from ray_jobs.ingest_inputs import (
    IngestConfig,
    inspect_files,
    open_piece,
    parse_items,
    reblock_file,
    resolve_inputs,
)
from ray_jobs.runtime import Item, Runtime
from ray_jobs.stage import as_json, bucket_shards, from_json, is_outdated, make_manifest, parent_digests, plan_of
from schemas import TABLES
from schemas.errors import ConfigError, InputError, LedgerError
from schemas.manifest import FORGOTTEN, Input, Ledger, Manifest, Receipt, fingerprint

TABLES_MADE = ("posts", "comments", "authors", "quarantine")
_RAW_BYTES_PER_ROW = 300
_BAD_FILES_NAMED = 5


def ingest(
    draft: Draft, inputs: Sequence[str], config: IngestConfig, runtime: Runtime, *, restart: bool = False
) -> bool:
    """Read the inputs (SOURCE:PATH, PATH a file, folder, glob or URI) into the draft; False if it has them all.

    Raises InputError, with nothing taken into the draft, if more than `max_bad_files` files are damaged.
    """
    key = check_key(draft)
    files = inspect_files(draft.store.uri, resolve_inputs(inputs), config, runtime)
    known = {(entry.source, entry.sha256) for entry in _consumed(draft)}
    new = {(f["source"], f["sha256"]): f for f in files if (f["source"], f["sha256"]) not in known}
    recipe = _recipe(draft, {f["source"] for f in files}, config)
    if not new:
        return False
    chosen = [new[name] for name in sorted(new)]
    graves = Graves(key, read_tombstones(draft))
    plan = plan_digest(
        "ingest",
        {
            "base": plan_of("ingest", draft, parents=TABLES_MADE, made=TABLES_MADE, recipe=recipe),
            "inputs": sorted(new),
            "key": draft.settings.key_fingerprint,
            "chunk_bytes": config.chunk_bytes,
            "tombstones": fingerprint(graves.tombstones.model_dump(mode="json")),
        },
    )
    if restart:
        forget_run(draft.store, plan)
    scratch = Store(f"{config.scratch or draft.store.uri + '.scratch'}/{plan}")
    parsed = _parse_all(draft, plan, chosen, config, runtime, graves, scratch)
    problems = _problems(chosen, parsed)
    if len(problems) > config.max_bad_files:
        scratch.delete_all("")  # All is parsed: another try needs the receipts, and nobody the raw text.
        raise _too_many(problems, config.max_bad_files)
    merged = _merge_all(draft, plan, parsed, runtime)
    inputs_now = (*_consumed(draft), *(_as_input(f, parsed, problems) for f in chosen))
    draft.update(_manifests(draft, plan, recipe, inputs_now, parsed, merged))
    draft.after_commit(partial(drop_parts, draft.store, plan, ("parse", "reblock")))
    draft.after_commit(partial(scratch.delete_all, ""))
    return True


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


def _parse_all(
    draft: Draft,
    plan: str,
    files: list[dict[str, Any]],
    config: IngestConfig,
    runtime: Runtime,
    graves: Graves,
    scratch: Store,
) -> dict[str, Receipt]:
    uri = draft.store.uri
    to_cut = [Item(f["sha256"][:24], f["size"], f) for f in files if f["how"] == "reblock"]
    if to_cut:
        scratch.make_private()
    cut = runtime.run(
        Phase(uri, plan, "reblock"), to_cut, partial(reblock_file, scratch=scratch.uri, target=config.chunk_bytes)
    )
    items = [item for f in files for item in parse_items(f, cut.get(f["sha256"][:24]), config)]
    work = partial(_parse, config=config, graves=graves, scratch=scratch.uri, buckets=draft.settings.buckets)
    return runtime.run(Phase(uri, plan, "parse"), items, work)


def _parse(phase: Phase, item: Item, *, config: IngestConfig, graves: Graves, scratch: str, buckets: int) -> Receipt:
    store = Store(phase.lake_uri)
    source = config.source(item.payload["source"])
    stream, origin = open_piece(item.payload, scratch)
    outbox = Outbox(store, phase, item, {name: TABLES[name].bucket_by for name in TABLES_MADE}, buckets)
    problem = None
    records = dict.fromkeys(LEDGER_TABLES, 0)
    quarantined = dict.fromkeys(LEDGER_TABLES, 0)
    forgotten = dict.fromkeys(LEDGER_TABLES, 0)
    with stream:
        for tables in source.read(stream, origin, graves.key):
            problem = tables.problem or problem
            for name, (seen, lost) in _counts(tables, origin.name).items():
                records[name] += seen
                quarantined[name] += lost
            if graves:
                tables, buried = obey(tables, graves)
                forgotten = {name: forgotten[name] + buried[name] for name in LEDGER_TABLES}
            for name in TABLES_MADE:
                outbox.add(name, getattr(tables, name))
    notes = {"records": records, "quarantined": quarantined, "forgotten": forgotten, "problem": problem}
    return Receipt(item=item.id, parts=outbox.close(), notes=notes)


def _counts(tables: Tables, where: str) -> dict[str, tuple[int, int]]:
    """Raw records and quarantined ones by ledger table; LedgerError unless the rows are just what is left of them."""
    ledgers = tables.quarantine["table"].to_pylist()
    counts = {}
    for name in LEDGER_TABLES:
        seen, lost, rows = tables.records.get(name, 0), ledgers.count(name), getattr(tables, name).num_rows
        if rows + lost != seen:
            raise LedgerError(
                f"{name}: records are missing or doubled", where=where, expected=str(seen), got=str(rows + lost)
            )
        counts[name] = (seen, lost)
    return counts


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


def _too_many(problems: dict[str, str], allowed: int) -> InputError:
    """The error that names the damaged files, the first few of very many, and the switch that lets them pass."""
    (first, problem), *others = problems.items()
    more = [f"{uri}: {said}" for uri, said in others[: _BAD_FILES_NAMED - 1]]
    more += [f"and {len(problems) - _BAD_FILES_NAMED:,} more"] if len(problems) > _BAD_FILES_NAMED else []
    return InputError(
        "damaged input, nothing was committed: " + "; ".join([problem, *more]),
        where=first,
        field="max_bad_files",
        expected=f"at most {allowed} damaged files, or --set ingest.max_bad_files={len(problems)}",
        got=str(len(problems)),
    )


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
        arrived = received(parsed.values(), table)
        # Shards of an older schema are all written anew: a version's table has one schema.
        others = {*old, *old_rejected} if is_outdated(draft.manifest(table)) else set()
        for bucket in sorted({*arrived, *others}):
            files = arrived.get(bucket, [])
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
        kept = [_untouched(draft, table, mine)]
        rows_in = quarantined = None
        if table in LEDGER_TABLES:
            kept.append(_forgotten(table, parsed))
            before = draft.manifest(table)
            rows_in = sum(r.notes["records"][table] for r in parsed.values())
            quarantined = sum(r.notes["quarantined"][table] for r in parsed.values())
            if before is not None:
                rows_in += before.ledger.rows_in
                quarantined += before.ledger.quarantined
        made[table] = make_manifest(
            table,
            [*kept, *mine],
            plan=plan,
            recipe=recipe,
            parents=parents,
            inputs=inputs,
            rows_in=rows_in,
            quarantined=quarantined or 0,
        )
    return made


def _forgotten(table: str, parsed: dict[str, Receipt]) -> Receipt:
    """A receipt for the rows that a tombstone kept out: counted, not stored."""
    count = sum(receipt.notes["forgotten"][table] for receipt in parsed.values())
    ledger = Ledger(rows_in=count, accepted=0, rejected={FORGOTTEN: count} if count else {})
    return Receipt(item="forgotten", ledgers={table: ledger})


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
