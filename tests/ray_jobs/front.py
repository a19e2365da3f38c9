"""The command line as a user meets it: calls it in this process, and builds small dumps. Used by the front's tests."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ray_jobs.cli import main

JOBS = ("ingest", "media", "dedup", "clean", "samples", "run")


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def value(self) -> Any:
        return json.loads(self.raw)


def postlake(*words: str | Path, ok: bool = True) -> Answer:
    """Run a command as the console script does, jobs inline; with `ok`, assert that its exit code is 0."""
    line = [str(word) for word in words]
    if line[0] in JOBS:
        # Two buckets: enough for rows to be apart, and few files to sync.
        line += ["--engine", "inline", *(() if "--config" in line else ("--set", "lake.buckets=2"))]
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True), io.StringIO()
    code = 0
    with patch.object(sys, "argv", ["postlake", *line]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)
    answer = Answer(code, buffer.getvalue(), err.getvalue())
    assert not ok or code == 0, answer.err
    return answer


def refused(*words: str | Path) -> str:
    """Run a command that must fail by the user's fault: exit code 2, one line on stderr, nothing on stdout."""
    answer = postlake(*words, ok=False)
    assert answer.code == 2, (answer.code, answer.err)
    assert answer.raw == b""
    lines = [line for line in answer.err.splitlines() if line.startswith("postlake: ")]
    assert len(lines) == 1, answer.err
    assert answer.err.splitlines()[-1] == lines[0]
    assert "Traceback" not in answer.err
    return lines[0].removeprefix("postlake: ")


def rows(lake: Path, sql: str) -> list[dict[str, Any]]:
    """A query's result."""
    found: list[dict[str, Any]] = postlake("query", lake, sql, "--format", "json").value
    return found


def ledgers(lake: Path) -> dict[str, dict[str, Any]]:
    """The tables of `inspect --json`, every ledger checked."""
    tables: dict[str, dict[str, Any]] = postlake("inspect", lake, "--json").value["tables"]
    for name, table in tables.items():
        judged = table["accepted"] + sum(table["rejected"].values()) + table["quarantined"]
        assert table["rows_in"] == judged, name
    return tables


def no_version(lake: Path) -> None:
    """Nothing was committed, and no table of a half-made version can be found from the lake."""
    assert not list(lake.glob("versions/*")), "a version was written"
    assert not list(lake.glob("*/manifests/*")), "a manifest was written"


def write_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path
