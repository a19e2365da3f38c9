"""The main job: every stage that the configuration names, one commit, then training and scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.lake.reader import SETTINGS, Lake, open_lake
from pipelines.storage import Store, expand, split_uri
from ray_jobs.config import RunConfig
from ray_jobs.ingest_inputs import parse_input
from ray_jobs.jobs import DERIVED, check_inputs, ingest_stage, media_stage
from ray_jobs.output import Output
from ray_jobs.scores import show_scores
from ray_jobs.session import Session, Stage
from ray_jobs.views import show_summary, summary
from schemas.errors import ConfigError


def run(session: Session, lake: str | None, *, out: Path | None, plan_only: bool, restart: bool) -> None:
    """Do the stages, or with `plan_only` say what they would do."""
    config = session.config
    uri = session.lake_uri(lake)
    if plan_only:
        _show_plan(config, uri, session.output)
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


def _show_plan(config: RunConfig, uri: str, output: Output) -> None:
    """The inputs with their sizes and whether the lake has read them, then what the stages would do."""
    lake = open_lake(uri) if Store(uri).exists(SETTINGS) else None
    posts = lake.manifest("posts") if lake else None
    known = {(entry.source, entry.name, entry.size) for entry in posts.inputs} if posts else set()
    rows: list[tuple[str, str, int, str]] = []
    for text in config.ingest.inputs if "ingest" in config.named() else ():
        source, pattern = parse_input(text)
        for path in expand(pattern):
            store, name = split_uri(path)
            size = store.size(name)
            rows.append((source, name, size, "read" if (source, name, size) in known else "to read"))
    unread = [row for row in rows if row[3] == "to read"]
    stages = _stage_states(config, lake, stale=bool(unread))
    output.result(
        {
            "inputs": [dict(zip(("source", "name", "bytes", "state"), row, strict=True)) for row in rows],
            "stages": dict(stages),
        }
    )
    total = f"{len(unread):,} of {len(rows):,} files to read, {sum(row[2] for row in unread):,} bytes"
    output.table(f"inputs of {uri}: {total}", ["source", "name", "bytes", "state"], rows)
    output.line("")
    output.table("stages", ["stage", "state"], stages)


def _stage_states(config: RunConfig, lake: Lake | None, *, stale: bool) -> list[tuple[str, str]]:
    """What each stage would do; `stale` if there are new inputs. A stage after one that works has work too."""
    states = []
    for name in _order(config):
        manifest = lake.manifest(_table_of(name)) if lake else None
        if name == "train":
            states.append((name, "to train"))
            continue
        if name in DERIVED and manifest is not None:
            stale = stale or manifest.recipe != getattr(config, name).model_dump(mode="json")
        states.append((name, "to make" if manifest is None else "to make again" if stale else "there"))
        stale = stale or manifest is None
    return states


def _order(config: RunConfig) -> list[str]:
    return [name for name in ("ingest", "media", *DERIVED, "train") if name in config.named()]


def _table_of(stage: str) -> str:
    made = {"ingest": "posts", "media": "fetches", "dedup": "duplicates", "clean": "clean_comments"}
    return made.get(stage, stage)
