"""The wheel: the four packages with their data files, and nothing else."""

from __future__ import annotations

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("pipelines", "ray_jobs", "schemas", "training")
MADE_BY_RUNNING = (".pyc", ".nbi", ".nbc")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("postlake-*-py3-none-any.whl"))


def test_wheel_holds_exactly_the_four_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    here = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in MADE_BY_RUNNING
    }
    assert names == here
    assert {"schemas/snapshots/posts.json", "schemas/table.py"} <= names
    assert any(name.startswith("ray_jobs/configs/") and name.endswith(".toml") for name in names)


def test_wheel_says_how_it_is_started_and_licensed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        info = next(name for name in archive.namelist() if name.endswith("/entry_points.txt")).rpartition("/")[0]
        scripts = configparser.ConfigParser()
        scripts.read_string(archive.read(f"{info}/entry_points.txt").decode())
        licence = archive.read(f"{info}/licenses/LICENSE").decode()
        metadata = archive.read(f"{info}/METADATA").decode()
    assert dict(scripts["console_scripts"]) == {"postlake": "ray_jobs.cli:main"}
    assert (ROOT / "ray_jobs" / "cli.py").is_file()
    assert "Version 2.0, January 2004" in licence
    assert "\nLicense-Expression: Apache-2.0\n" in metadata


def test_a_reader_of_lakes_installs_no_engine_and_no_torch(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(next(n for n in archive.namelist() if n.endswith("/METADATA"))).decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ") and "extra ==" not in line]
    assert needed
    assert not any(name in line for line in needed for name in (" ray", " torch", " transformers", " deepspeed"))
