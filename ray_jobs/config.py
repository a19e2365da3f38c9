"""The configuration of a run: one TOML file, one section a stage; what runs is Python, with which values is TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.recipe import CleanRecipe, DedupRecipe, SamplesRecipe
from ray_jobs.ingest_inputs import IngestConfig
from ray_jobs.media import MediaConfig
from ray_jobs.train import TrainJob
from schemas.errors import ConfigError

CONFIGS = Path(__file__).parent / "configs"


class Section(BaseModel):
    """Base of the sections that this module declares."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LakeConfig(Section):
    """Where the lake is, and what is fixed when it is created."""

    path: str | None = None
    buckets: int | None = Field(None, ge=1, le=65536)
    """64-256 MB a bucket of the largest table is a good size; 16 where nothing is said."""


class RuntimeConfig(Section):
    """How the work is spread; nothing here can change a byte."""

    engine: Literal["ray", "inline"] = "ray"
    num_cpus: int | None = Field(None, ge=1)


class RunConfig(Section):
    """All sections. `run` does the stages whose sections the file names."""

    lake: LakeConfig = LakeConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    ingest: IngestConfig = IngestConfig()
    media: MediaConfig = MediaConfig()
    dedup: DedupRecipe = DedupRecipe()
    clean: CleanRecipe = CleanRecipe()
    samples: SamplesRecipe = SamplesRecipe()
    train: TrainJob = TrainJob()

    def named(self) -> set[str]:
        """The sections that the file or an override names."""
        return self.model_fields_set


def load_config(path: str | None, overrides: Sequence[tuple[list[str], Any]] = ()) -> RunConfig:
    """The configuration of a file, or of a shipped one by its bare name (`demo`).

    Raises ConfigError naming file, field, what was expected and what was got.
    """
    values = _read(path) if path else {}
    for names, value in overrides:
        _lay_over(values, names, value)
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        names = [part for part in first["loc"] if isinstance(part, str)]
        overridden = any(names[: len(given)] == given[: len(names)] for given, _ in overrides)
        unknown = first["type"] == "extra_forbidden"
        raise ConfigError(
            "no such setting" if unknown else "a setting is wrong",
            where="--set" if overridden or path is None else path,
            field=".".join(str(part) for part in first["loc"]),
            expected=_nearest(names) if unknown else _trimmed(first["msg"]),
            got="" if unknown else repr(first["input"])[:80],
        ) from error


def _lay_over(values: dict[str, Any], names: list[str], value: Any) -> None:
    section = values
    for depth, name in enumerate(names[:-1]):
        section = section.setdefault(name, {})
        if not isinstance(section, dict):
            raise ConfigError(
                "a value has no settings", where="--set", field=".".join(names), got=".".join(names[: depth + 1])
            )
    section[names[-1]] = value


def _trimmed(message: str) -> str:
    """pydantic's sentence without its beginning: what follows the word `expected`."""
    for beginning in ("Input should be ", "Value error, "):
        message = message.removeprefix(beginning)
    return message


def _nearest(names: list[str]) -> str:
    """The settings that are where the unknown one was looked for: the one that looks like it, else all."""
    model: Any = RunConfig
    for name in names[:-1]:
        model = model.model_fields[name].annotation
    known = sorted(model.model_fields)
    alike = get_close_matches(names[-1], known, n=1)
    return alike[0] if alike else "one of " + ", ".join(known)


def _read(path: str) -> dict[str, Any]:
    shipped = CONFIGS / f"{path}.toml"
    file = shipped if "/" not in path and "." not in path and shipped.is_file() else Path(path)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        names = ", ".join(sorted(known.stem for known in CONFIGS.glob("*.toml")))
        expected = f"a TOML file, or the name of a shipped one: {names}"
        raise ConfigError("cannot be read", where=path, expected=expected, got=error.strerror or "error") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"is not TOML: {error}", where=path) from error
