"""What a lake holds, as one table: result of `inspect` and last word of every job. Starts no Ray."""

from __future__ import annotations

from shlex import quote
from typing import Any

from pipelines.lake.reader import Lake
from ray_jobs.freshness import made_from, stale
from ray_jobs.output import Output
from schemas import TABLES

_VERSIONS_SHOWN = 5
NO_VERSION = "no version is committed yet"


def summary(lake: Lake) -> dict[str, Any]:
    """Version, ledger of every table, and the tables that are out of date: what `inspect --json` prints."""
    tables = {}
    for name in TABLES:
        manifest = lake.manifest(name)
        if manifest is not None:
            tables[name] = {**manifest.ledger.model_dump(), "digest": manifest.digest}
    return {"version": lake.version.version, "tables": tables, "stale": sorted(stale(lake))}


def show_summary(lake: Lake, output: Output) -> None:
    """The version's tables with their ledgers; result of `inspect` and last word of every job."""
    output.result(summary(lake))
    version = lake.version
    if not version.version:
        output.line(f"{lake.store.uri}: {NO_VERSION}")
        return
    rows: list[list[Any]] = []
    for name, table in summary(lake)["tables"].items():
        rejected, digest = sum(table["rejected"].values()), table["digest"][:12]
        rows.append([name, table["rows_in"], table["accepted"], rejected, table["quarantined"], digest])
        rows += [[f"  {reason}", "", "", count, "", ""] for reason, count in table["rejected"].items()]
        rows += [[f"  {fact}", "", count, "", "", ""] for fact, count in accepted_as(lake, name)]
    title = f"{lake.store.uri}, version {version.version} ({version.committed_at}, {version.command})"
    output.table(title, ["table", "rows in", "accepted", "rejected", "quarantined", "digest"], rows)
    for name, changed in stale(lake).items():
        output.line(f"{name}: {made_from(name, changed)}")
    output.line("")
    output.table("", ["version", "committed at", "command"], _history(lake))


def accepted_as(lake: Lake, table: str) -> list[tuple[str, int]]:
    """What the accepted rows of a table are, where the run has counted it: copies, or outcomes of fetches."""
    manifest = lake.manifest(table)
    notes = manifest.notes if manifest is not None else {}
    copies = [("copies", notes["copies"])] if "copies" in notes else []
    return [*copies, *((str(name), count) for name, count in notes.get("outcomes", {}).items())]


def _history(lake: Lake) -> list[list[str]]:
    """The last versions up to the lake's: number, when, command."""
    newest = lake.version.version
    versions = [lake.at(number).version for number in range(newest, max(newest - _VERSIONS_SHOWN, 0), -1)]
    return [[str(version.version), version.committed_at, version.command] for version in versions]


def show_quarantine(lake: Lake, output: Output) -> None:
    """Where records could not be read, how to look at them: said after ingest."""
    manifests = [manifest for name in ("posts", "comments") if (manifest := lake.manifest(name)) is not None]
    count = sum(manifest.ledger.quarantined for manifest in manifests)
    if count:
        records = f"{count:,} record{'' if count == 1 else 's'}"
        sql = """'SELECT source_file, "offset", error FROM quarantine'"""
        output.log(f"{records} could not be read; see postlake query {quote(lake.store.uri)} {sql}")
