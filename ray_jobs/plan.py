"""What `run --plan` says: the inputs and whether they are read, then what each stage would do and has done already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipelines.lake.reader import SETTINGS, Lake, open_lake
from pipelines.lake.runs import Phase
from pipelines.storage import Store, expand, split_uri
from ray_jobs import clean as clean_job
from ray_jobs import dedup as dedup_job
from ray_jobs import ingest as ingest_job
from ray_jobs import media as media_job
from ray_jobs import samples as samples_job
from ray_jobs.config import RunConfig
from ray_jobs.ingest_inputs import parse_input
from ray_jobs.output import Output
from ray_jobs.stage import plan_of, up_to_date
from schemas.manifest import Manifest

_FILES_SHOWN = 20
_PARENTS = {
    "media": ("posts",),
    "dedup": dedup_job.PARENTS,
    "clean": clean_job.PARENTS,
    "samples": samples_job.PARENTS,
}
_MADE = {
    "ingest": ingest_job.TABLES_MADE,
    "media": media_job.TABLES_MADE,
    "dedup": ("duplicates",),
    "clean": ("clean_comments",),
    "samples": ("samples",),
}


@dataclass(frozen=True)
class _File:
    source: str
    name: str
    bytes: int
    state: str


def show_plan(config: RunConfig, uri: str, output: Output) -> None:
    """Print the plan, and touch nothing; raises InputError for an input that is not there."""
    lake = open_lake(uri) if Store(uri).exists(SETTINGS) else None
    files = list(_files(config, lake))
    unread = [file for file in files if file.state == "to read"]
    stages = _stage_states(config, lake, new_input=bool(unread))
    output.result({"inputs": [file.__dict__ for file in files], "stages": dict(stages)})
    total = f"{len(unread):,} of {len(files):,} files to read, {sum(file.bytes for file in unread):,} bytes"
    output.table(f"inputs of {uri}: {total}", ["source", "files", "bytes", "read", "to read"], _by_source(files))
    output.line("")
    if files:
        shown = [[file.source, file.name, file.bytes, file.state] for file in files[:_FILES_SHOWN]]
        output.table("files", ["source", "name", "bytes", "state"], shown)
        if len(files) > _FILES_SHOWN:
            output.line(f"and {len(files) - _FILES_SHOWN:,} more, all with --json")
        output.line("")
    output.table("stages", ["stage", "state"], stages)


def _files(config: RunConfig, lake: Lake | None) -> Iterable[_File]:
    posts = lake.manifest("posts") if lake else None
    known = {(entry.source, entry.name, entry.size) for entry in posts.inputs} if posts else set()
    for text in config.ingest.inputs if "ingest" in config.named() else ():
        source, pattern = parse_input(text)
        for path in expand(pattern):
            store, name = split_uri(path)
            size = store.size(name)
            yield _File(source, name, size, "read" if (source, name, size) in known else "to read")


def _by_source(files: list[_File]) -> list[list[Any]]:
    groups: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        groups[file.source].append(file)
    rows: list[list[Any]] = []
    for source, mine in sorted(groups.items()):
        read = sum(file.state == "read" for file in mine)
        rows.append([source, len(mine), sum(file.bytes for file in mine), read, len(mine) - read])
    return rows


def _stage_states(config: RunConfig, lake: Lake | None, *, new_input: bool) -> list[tuple[str, str]]:
    """What each stage would do. A stage works if its own plan is new, or if one before it changes what it reads."""
    states = []
    changing: set[str] = set()
    for name in (name for name in ("ingest", *_PARENTS, "train") if name in config.named()):
        if name == "train":
            states.append((name, "to train"))
            continue
        plan = None
        if name in _PARENTS and lake is not None and not changing.intersection(_PARENTS[name]):
            plan = _plan(name, config, lake)
        if (not new_input) if name == "ingest" else (lake and plan and up_to_date(lake, _MADE[name], plan)):
            states.append((name, "there"))
            continue
        changing.update(_MADE[name])
        missing = lake is None or any(lake.manifest(table) is None for table in _MADE[name])
        done = _finished(lake, name, plan) if lake else 0
        note = f", {done:,} work items are done already" if done else ""
        states.append((name, ("to make" if missing else "to make again") + note))
    return states


def _plan(name: str, config: RunConfig, lake: Lake) -> str:
    recipe = media_job.recipe_of(config.media) if name == "media" else getattr(config, name).model_dump(mode="json")
    return plan_of(name, lake, parents=_PARENTS[name], made=_MADE[name], recipe=recipe)


def _finished(lake: Lake, name: str, plan: str | None) -> int:
    """Receipts of the stage's run; where its plan hangs on work to come, of its runs that no table came out of."""
    if plan is None:
        paths = [path.split("/") for path, _ in lake.store.walk("_runs") if path.startswith(f"_runs/{name}-")]
        committed = _committed_plans(lake)
        return sum(len(parts) == 4 and parts[1] not in committed and parts[3].endswith(".json") for parts in paths)
    folder = Phase(lake.store.uri, plan, "").folder
    return sum(path.endswith(".json") for path, _ in lake.store.walk(folder))


def _committed_plans(lake: Lake) -> set[str]:
    """The plans behind all versions whose manifests are still there."""
    refs = {
        ref.manifest for number in range(1, lake.version.version + 1) for ref in lake.at(number).version.tables.values()
    }
    return {
        Manifest.from_json(lake.store.read(path), where=path).plan for path in sorted(refs) if lake.store.exists(path)
    }
