"""The job commands: one stage each, committed as one version."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipelines.lake.commit import Draft
from pipelines.lake.reader import Lake, open_lake
from pipelines.storage import Store, expand
from ray_jobs import clean as clean_job
from ray_jobs import dedup as dedup_job
from ray_jobs import ingest as ingest_job
from ray_jobs import media as media_job
from ray_jobs import samples as samples_job
from ray_jobs.config import RunConfig
from ray_jobs.ingest_inputs import parse_input
from ray_jobs.runtime import Runtime
from ray_jobs.session import Session, Stage
from ray_jobs.summary import show_quarantine, show_summary
from schemas.errors import InputError
from schemas.manifest import Version

DERIVED: dict[str, Callable[[bool], Stage]] = {
    "dedup": lambda restart: (
        lambda draft, config, runtime: dedup_job.dedup(draft, config.dedup, runtime, restart=restart)
    ),
    "clean": lambda restart: (
        lambda draft, config, runtime: clean_job.clean(draft, config.clean, runtime, restart=restart)
    ),
    "samples": lambda restart: (
        lambda draft, config, runtime: samples_job.samples(draft, config.samples, runtime, restart=restart)
    ),
}


def ingest_stage(inputs: Sequence[str], restart: bool) -> Stage:
    def stage(draft: Draft, config: RunConfig, runtime: Runtime) -> bool:
        return ingest_job.ingest(draft, inputs, config.ingest, runtime, restart=restart)

    return stage


def media_stage(roots: Sequence[str], restart: bool) -> Stage:
    def stage(draft: Draft, config: RunConfig, runtime: Runtime) -> bool:
        settings = config.media.model_copy(update={"roots": (*config.media.roots, *roots)})
        return media_job.media(draft, settings, runtime, restart=restart)

    return stage


def ingest(session: Session, lake: str | None, inputs: Sequence[str], *, restart: bool) -> None:
    wanted = inputs or session.config.ingest.inputs
    if not wanted:
        raise InputError("nothing to read", field="inputs", expected="SOURCE:PATH...")
    check_inputs(wanted)
    made = _finish(session, lake, [("ingest", ingest_stage(wanted, restart))])
    show_quarantine(made, session.output)


def check_inputs(inputs: Sequence[str]) -> None:
    """Raise InputError for an input that is not there, before a lake is made for it."""
    for text in inputs:
        expand(parse_input(text)[1])


def media(session: Session, lake: str | None, roots: Sequence[str], *, restart: bool) -> None:
    open_lake(session.lake_uri(lake))
    _finish(session, lake, [("media", media_stage(roots, restart))])


def derived(name: str, session: Session, lake: str | None, *, restart: bool) -> None:
    open_lake(session.lake_uri(lake))
    _finish(session, lake, [(name, DERIVED[name](restart))])


def _finish(session: Session, lake: str | None, stages: Sequence[tuple[str, Stage]]) -> Lake:
    version, new = session.publish(lake, stages)
    return report(session, lake, version, new)


def report(session: Session, lake: str | None, version: Version, new: bool) -> Lake:
    """Say which version there is now, and show its ledgers."""
    if not new:
        session.output.log(f"nothing to do: version {version.version} has it all")
    made = Lake(Store(session.lake_uri(lake)), version.version or None)
    show_summary(made, session.output)
    return made
