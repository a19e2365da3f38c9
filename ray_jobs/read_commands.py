"""The commands that read a lake: inspect, query, explain, verify. Registered by `ray_jobs.cli`; none starts Ray."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import App, Parameter

from pipelines.lake.diff import open_at
from pipelines.lake.reader import open_lake
from ray_jobs import views
from ray_jobs.output import Output
from ray_jobs.parameters import AtVersion, Json

GivenLake = Annotated[str, Parameter(help="LAKE or LAKE@N: folder or s3:// URI, at version N (default the latest).")]


def register(app: App) -> None:
    for command in (inspect, query, explain, verify):
        app.command(command)


def inspect(
    lake: GivenLake,
    table: Annotated[str | None, Parameter(help="A table, or a table of a version: `posts`, `posts@3`.")] = None,
    *,
    json: Json = False,
) -> None:
    """Show a lake's tables, or one table: counts per reason, schema, provenance."""
    views.inspect(open_at(lake), table, Output(as_json=json))


def query(
    lake: GivenLake,
    sql: Annotated[
        str, Parameter(help='A SELECT; `posts`, its `posts_rejected`, or `"posts@3"` (double-quoted) of a version.')
    ],
    *,
    format: Annotated[Literal["table", "json", "csv", "arrow"], Parameter(help="Arrow is an IPC stream.")] = "table",
) -> None:
    """Run SQL over the accepted, or the rejected, rows of the lake's tables."""
    views.query(open_at(lake), sql, format, Output(as_json=format == "json"))


def explain(
    lake: GivenLake,
    id: Annotated[str, Parameter(help="A post_id or comment_id, such as `reddit:h0007a`.")],
    *,
    json: Json = False,
) -> None:
    """Show where a post or comment came from, what became of it, and why."""
    views.explain(open_at(lake), id, Output(as_json=json))


def verify(lake: GivenLake, *, version: AtVersion = None, json: Json = False) -> None:
    """Re-hash and re-count everything that a version names; exit code 3 if anything differs."""
    opened = open_at(lake) if version is None else open_lake(lake, version=version)
    sys.exit(views.verify(opened, Output(as_json=json)))
