"""The dumps that the fault tests run over, jobs on them in processes that may die, and what is left afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.lake.reader import Lake
from pipelines.storage import Store
from pipelines.synthetic import synthesize

ROOT = Path(__file__).parents[2]
STAGES = ("ingest", "media", "dedup", "clean", "samples")
KEY = "a key that only the tests have"


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one: what is tested is death, not the disk."""
    shm = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="postlake-faults-", dir=shm if os.access(shm, os.W_OK) else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@dataclass(frozen=True)
class Dumps:
    """Two loads of raw files: the second one holds the first and more."""

    media: str
    first: list[str]
    second: list[str]


def draw_dumps(folder: Path, posts: int = 24) -> Dumps:
    """Draw small dumps in true formats, with planted faults."""
    synthesize(folder, posts=posts, media=3, broken=True)
    reddit, youtube = sorted((folder / "reddit").iterdir()), sorted((folder / "youtube").glob("*_0*.json"))
    months = sorted({path.name[3:10] for path in reddit})
    first = [f"reddit:{path}" for path in reddit if path.name[3:10] in months[:2]]
    first += [f"youtube:{path}" for path in youtube if path.name.startswith("videos")]
    second = [f"reddit:{path}" for path in reddit] + [f"youtube:{path}" for path in youtube]
    return Dumps(str(folder / "media"), first, second)


def job(dumps: Dumps, lake: Path | str, **fields: Any) -> dict[str, Any]:
    """A job over the second load, all stages, inline."""
    return {
        "lake": str(lake),
        "inputs": dumps.second,
        "media": dumps.media,
        "stages": STAGES,
        "engine": "inline",
        "environment": {"POSTLAKE_KEY": KEY},
        **fields,
    }


def run_jobs(
    jobs: Sequence[Mapping[str, Any]], logs: Path, environment: Mapping[str, str] | None = None
) -> list[tuple[int, str]]:
    """Exit code (negative: the signal that killed it) and last words of each job, two at a time."""
    logs.mkdir(exist_ok=True)
    named = [{"log": str(logs / f"{number}.log"), **job} for number, job in enumerate(jobs)]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.run_and_die"],
        input="".join(json.dumps(job) + "\n" for job in named),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        check=True,
    )
    codes = dict(tuple(map(int, line.split())) for line in ended.stdout.splitlines())
    return [(codes[number], Path(job["log"]).read_text()[-2000:]) for number, job in enumerate(named)]


def digests(lake: Path | str, version: int | None = None) -> dict[str, str]:
    """The digest of every table of a version."""
    return {name: ref.digest for name, ref in Lake(Store(lake), version).version.tables.items()}


def version_of(lake: Path | str) -> int:
    """The number of the latest version."""
    return Lake(Store(lake)).version.version
