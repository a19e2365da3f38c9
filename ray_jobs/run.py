"""The main job: every stage that the configuration names, one commit, then training and scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.lake.reader import Lake, open_lake
from pipelines.storage import Store
from ray_jobs.config import RunConfig
from ray_jobs.jobs import DERIVED, check_inputs, ingest_stage, media_stage
from ray_jobs.plan import show_plan
from ray_jobs.scores import show_scores
from ray_jobs.session import Session, Stage
from ray_jobs.summary import show_quarantine, show_summary, summary
from schemas.errors import ConfigError


def run(session: Session, lake: str | None, *, out: Path | None, plan_only: bool, restart: bool) -> None:
    """Do the stages, or with `plan_only` say what they would do."""
    config = session.config
    uri = session.lake_uri(lake)
    if plan_only:
        show_plan(config, uri, session.output)
        return
    stages = _stages(config, restart=restart)
    if not stages and "train" not in config.named():
        raise ConfigError(
            "nothing to do", field="sections", expected="one of [ingest] [media] [dedup] [clean] [samples] [train]"
        )
    if "ingest" in config.named():
        check_inputs(config.ingest.inputs)
    else:
        open_lake(uri)
    version, new = session.publish(lake, stages)
    if not new:
        session.output.log(f"lake: nothing to do, version {version.version} has it all")
    made = Lake(Store(uri), version.version or None)
    if "ingest" in config.named():
        show_quarantine(made, session.output)
    result: dict[str, Any] = summary(made)
    scores = None
    if "train" in config.named():
        from ray_jobs.train import train

        target = out or _beside(uri)
        scores = train(made, target, config.train, session.output)
        result["scores"], result["model"] = scores, str(target / "model")
    if session.output.as_json:
        session.output.result(result)
        return
    show_summary(made, session.output)
    if scores is not None:
        show_scores(scores, session.output)
        session.output.line(f"model: {result['model']}")


def _stages(config: RunConfig, *, restart: bool) -> list[tuple[str, Stage]]:
    named = config.named()
    stages: list[tuple[str, Stage]] = []
    if "ingest" in named:
        if not config.ingest.inputs:
            raise ConfigError("nothing to read", where="[ingest]", field="inputs", expected="a list of SOURCE:PATH")
        stages.append(("ingest", ingest_stage(config.ingest.inputs, restart)))
    if "media" in named:
        stages.append(("media", media_stage((), restart)))
    stages += [(name, DERIVED[name](restart)) for name in DERIVED if name in named]
    return stages


def _beside(uri: str) -> Path:
    if "://" in uri:
        raise ConfigError("where does the model go?", field="--out", expected="a folder, for a lake that is not local")
    return Path(uri + ".model")
