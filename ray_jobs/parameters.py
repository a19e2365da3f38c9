"""The parameters that several commands share, each with its help; used by the modules of commands."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

Broken = Annotated[bool, Parameter(negative="--no-broken")]
Json = Annotated[bool, Parameter(name="--json", help="Print one JSON value instead of text.")]
Config = Annotated[str | None, Parameter(help="TOML file, or the name of a shipped one such as `demo`.")]
Set = Annotated[tuple[str, ...], Parameter(name="--set", help="Override, e.g. `clean.ranking.keep=3`; repeatable.")]
LakeUri = Annotated[str | None, Parameter(name="--lake", help="Folder or s3:// URI of the lake.")]
GivenLake = Annotated[str, Parameter(help="Folder or s3:// URI of the lake.")]
AtVersion = Annotated[int | None, Parameter(help="The lake's version; default the latest.")]
Engine = Literal["ray", "inline"] | None
EngineName = Annotated[Engine, Parameter(help="Where work items run; default ray.")]
Restart = Annotated[bool, Parameter(help="Ignore what an interrupted run has finished.")]
