"""One command at work: its output, its configuration, its lake; used by every command of the command line."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.lake.commit import Draft, create_or_open
from ray_jobs.config import RunConfig, load_config
from ray_jobs.output import Output
from ray_jobs.runtime import Engine, Runtime
from schemas.errors import ConfigError, LakeConflict
from schemas.manifest import Version

_REPLANS = 5

Stage = Callable[[Draft, RunConfig, Runtime], bool]
"""A stage under its configuration: puts its tables into the draft; False if there was nothing to do."""


@dataclass
class Session:
    """What a job command works with."""

    output: Output
    config: RunConfig
    command: str
    engine: Engine | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def runtime(self) -> Runtime:
        settings = self.config.runtime
        return Runtime(self.output, engine=self.engine or settings.engine, num_cpus=settings.num_cpus)

    def lake_uri(self, given: str | None) -> str:
        uri = given or self.config.lake.path
        if uri is None:
            raise ConfigError("which lake?", field="lake.path", expected="--lake LAKE, or [lake] path in the config")
        return uri

    def publish(self, lake: str | None, stages: Sequence[tuple[str, Stage]]) -> tuple[Version, bool]:
        """Run stages on one draft and commit once; the version, and whether it is a new one.

        Readers see all stages' tables at once or none. Another writer's commit in between makes the stages plan again
        on it, which costs only what it changed.
        """
        runtime = self.runtime()
        for attempt in range(_REPLANS):
            draft = create_or_open(self.lake_uri(lake), buckets=self.config.lake.buckets)
            before = draft.version.version
            for name, stage in stages:
                begun = time.monotonic()
                did = stage(draft, self.config, runtime)
                self.seconds[name] = time.monotonic() - begun
                self.output.log(f"{name}: {'done' if did else 'up to date'} in {self.seconds[name]:.1f} s")
            try:
                version = draft.publish(self.command)
            except LakeConflict:
                draft.clean_up()
                if attempt == _REPLANS - 1:
                    raise
                self.output.log("another writer committed first: planning again on its version")
                continue
            return version, version.version > before
        raise AssertionError("unreachable")


def configure(path: str | None, overrides: Sequence[str]) -> RunConfig:
    """The configuration of a TOML file with dotted overrides such as `clean.ranking.keep=3` laid over it."""
    return load_config(path, [_override(text) for text in overrides])


def _override(text: str) -> tuple[list[str], Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError("not an override", where="--set", expected="section.field=value", got=text)
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    return name.strip().split("."), parsed
