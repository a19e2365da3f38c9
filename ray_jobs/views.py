"""What the reading commands print: inspect, query, explain, verify. None of them starts Ray."""

from __future__ import annotations

import json
import math
import sys
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc

from pipelines.lake.explain import explain as explain_row
from pipelines.lake.query import query as run_query
from pipelines.lake.reader import Lake
from pipelines.lake.verify import verify as verify_version
from ray_jobs.freshness import made_from, stale
from ray_jobs.output import Output
from ray_jobs.summary import NO_VERSION, accepted_as, show_summary
from schemas import TABLES
from schemas.errors import LakeError
from schemas.manifest import Manifest

_INPUTS_SHOWN = 20


def inspect(lake: Lake, table: str | None, output: Output) -> None:
    if table is None:
        show_summary(lake, output)
        return
    at, name = lake.resolve(table)
    manifest = at.manifest(name)
    assert manifest is not None
    output.result(
        {
            "version": at.version.version,
            "table": name,
            **manifest.ledger.model_dump(),
            "digest": manifest.digest,
            "stale": stale(at).get(name, []),
            "schema": TABLES[name].describe(),
            "manifest": manifest.model_dump(mode="json", exclude={"shards", "rejected_shards"}),
            "shards": len(manifest.shards),
        }
    )
    _show_table(at, manifest, output)


def _show_table(lake: Lake, manifest: Manifest, output: Output) -> None:
    contract = TABLES[manifest.table]
    columns = [[column["name"], column["type"], _meaning(column)] for column in contract.describe()["columns"]]
    output.table(f"{manifest.table}: {contract.meaning}", ["column", "type", "meaning"], columns)
    size = sum(shard.bytes for shard in manifest.shards)
    ledger = manifest.ledger
    old = stale(lake).get(manifest.table)
    facts: list[list[Any]] = [
        ["version", lake.version.version],
        ["rows in", ledger.rows_in],
        ["accepted", ledger.accepted],
        *[[f"  {fact}", count] for fact, count in accepted_as(lake, manifest.table)],
        *[[f"rejected: {reason}", count] for reason, count in ledger.rejected.items()],
        ["quarantined", ledger.quarantined],
        *([["out of date", made_from(manifest.table, old)]] if old else []),
        ["shards", f"{len(manifest.shards)} ({size / 2**20:.1f} MiB)"],
        ["digest", manifest.digest],
        ["plan", manifest.plan],
        ["code", manifest.code],
        *[[f"parent {name}", digest] for name, digest in manifest.parents.items()],
        *_inputs(manifest),
    ]
    output.line("")
    output.table("provenance", ["", ""], [[name, _plain(value)] for name, value in facts])


def _meaning(column: dict[str, Any]) -> str:
    """A column's description, its unit and whether it may be null."""
    notes = [f"unit {column['unit']}"] if column.get("unit") else []
    notes += [] if column["nullable"] else ["never null"]
    return f"{column['description']} ({', '.join(notes)})" if notes else column["description"]


def _inputs(manifest: Manifest) -> list[list[str]]:
    """The inputs to be shown: damaged ones first, and of very many the first ones."""
    listed = sorted(manifest.inputs, key=lambda entry: entry.problem is None)
    rows = [
        [f"input {i.source}", f"{i.name}, {i.size:,} bytes, sha256 {i.sha256[:12]}"]
        + ([f"damaged: {i.problem}"] if i.problem else [])
        for i in listed[:_INPUTS_SHOWN]
    ]
    rest = len(listed) - _INPUTS_SHOWN
    shown = [[name, "; ".join(facts)] for name, *facts in rows]
    return [*shown, ["inputs", f"and {rest:,} more, all with --json"]] if rest > 0 else shown


def _plain(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def query(lake: Lake, sql: str, form: str, output: Output) -> None:
    table = run_query(lake, sql)
    table = table.rename_columns(_distinct(table.column_names))
    if form == "csv":
        pyarrow.csv.write_csv(_flat(table), sys.stdout.buffer)
    elif form == "arrow":
        with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as writer:
            writer.write_table(table)
    elif form == "json":
        output.result([plain_value(row) for row in table.to_pylist()])
    else:
        rows = [[_cell(plain_value(value)) for value in row.values()] for row in table.to_pylist()]
        output.table("", table.column_names, rows)
        output.log(f"{table.num_rows:,} row{'' if table.num_rows == 1 else 's'}")


def _distinct(names: list[str]) -> list[str]:
    """Column names with `_1`, `_2`, ... where a join gives one twice: a JSON object holds a name once."""
    found: list[str] = []
    for name in names:
        candidates = (name if n == 0 else f"{name}_{n}" for n in range(len(names) + 1))
        found.append(next(text for text in candidates if text not in found and (text == name or text not in names)))
    return found


def plain_value(value: Any) -> Any:
    """A value as JSON can hold it: times in RFC 3339, bytes in hex, a float that is no number as null."""
    if isinstance(value, Decimal):
        # DuckDB's sum of integers is wider than 64 bits.
        return int(value) if value == value.to_integral_value() else float(value)
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: plain_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(part) for part in value]
    return value if isinstance(value, int | float | str | bool) or value is None else str(value)


def _cell(value: Any) -> Any:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
    return text if not isinstance(text, str) or len(text) <= 200 else text[:197] + "..."


def _flat(table: pa.Table) -> pa.Table:
    """Nested columns as JSON text and times in RFC 3339: what CSV can hold."""
    for index, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_temporal(kind):
            values = [plain_value(value) for value in table.column(index).to_pylist()]
            texts = [json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v for v in values]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
    return table


def explain(lake: Lake, row_id: str, output: Output) -> None:
    events = explain_row(lake, row_id)
    if not events:
        raise LakeError("no post or comment of this id in this version", where=lake.store.uri, got=row_id)
    output.result({"id": row_id, "version": lake.version.version, "events": [plain_value(event) for event in events]})
    output.line(f"{row_id}, version {lake.version.version}")
    for event in events:
        facts = {name: value for name, value in plain_value(event).items() if name not in ("table", "outcome")}
        reason = facts.pop("reason", None)
        step = facts.pop("step", None)
        verdict = f"{event['outcome']} by {step}: {reason}" if reason else event["outcome"]
        output.line(f"  {event['table']}: {verdict}")
        for name, value in facts.items():
            if value is not None:
                output.line(f"      {name}: {_cell(value)}")


def verify(lake: Lake, output: Output) -> int:
    """Exit code: 0 if the version is whole, 3 if not."""
    if not lake.version.version:
        output.result({"version": 0, "bytes": 0, "ok": True, "findings": []})
        output.line(f"{lake.store.uri}: {NO_VERSION}")
        return 0
    manifests = [manifest for name in lake.version.tables if (manifest := _manifest(lake, name))]
    size = sum(s.bytes for m in manifests for s in (*m.shards, *m.rejected_shards))
    with output.progress("verify (bytes)", size) as progress:
        findings = verify_version(lake, advance=lambda n: progress.advance(0, n))  # type: ignore[arg-type]
    problems = [{"path": finding.path, "problem": finding.problem} for finding in findings]
    output.result({"version": lake.version.version, "bytes": size, "ok": not findings, "findings": problems})
    for finding in findings:
        output.line(f"{finding.path}: {finding.problem}")
    if not findings:
        output.line(f"version {lake.version.version} is whole: {size:,} bytes of shards re-hashed and re-counted")
    return 3 if findings else 0


def _manifest(lake: Lake, name: str) -> Manifest | None:
    try:
        return lake.manifest(name)
    except LakeError:
        return None
