"""The shape of the repository: what may lie where, and what no source may hold."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("pipelines", "ray_jobs", "schemas", "training")
TOP_LEVEL = {
    *PACKAGES,
    *("infra", "tests", ".ci"),
    *("pyproject.toml", "constraints.txt", "Makefile", ".gitignore", ".rayignore"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
}
DRAWERS = {"utils", "util", "common", "helpers", "helper", "misc"}
MAX_LINES = 400
# Not after a letter or a dot: `https://example.org/home/x` is no path of a machine.
MACHINE_PATH = re.compile(r"(?<![\w.*])/(?:work|home|root)/\w")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")


def _files() -> list[Path]:
    """Every file that git tracks or would track, relative to the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(path for path in map(Path, listed.split("\0")) if (ROOT / path).is_file())


FILES = _files()


def _lines(path: Path) -> list[str]:
    try:
        return (ROOT / path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []


def test_the_listing_sees_the_repository() -> None:
    assert {path.parts[0] for path in FILES} >= {*PACKAGES, "tests", "pyproject.toml"}
    assert Path("schemas/table.py") in FILES


def test_top_level_holds_only_what_the_design_names() -> None:
    assert {path.parts[0] for path in FILES} <= TOP_LEVEL


def test_no_module_is_a_drawer() -> None:
    assert [path for path in FILES if DRAWERS & {part.removesuffix(".py").lower() for part in path.parts}] == []


def test_modules_stay_readable_in_one_sitting() -> None:
    sizes = {str(path): len(_lines(path)) for path in FILES if path.parts[0] in PACKAGES and path.suffix == ".py"}
    assert {path: size for path, size in sizes.items() if size > MAX_LINES} == {}


def test_every_module_says_what_it_holds() -> None:
    modules = [path for path in FILES if path.parts[0] in PACKAGES and path.suffix == ".py"]
    silent = [path for path in modules if _lines(path) and not _lines(path)[0].startswith('"""')]
    assert silent + [path for path in modules if not _lines(path) and path.name != "__init__.py"] == []


@pytest.mark.parametrize("pattern", [MACHINE_PATH, UNFINISHED], ids=["machine path", "unfinished"])
def test_no_source_holds(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path}:{number}" for path in FILES for number, line in enumerate(_lines(path), 1) if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("path = '/" + "home/someone/x'", True),
        ("ROOT=/" + "work/main", True),
        ("https://example.org/home/x", False),
        ("a/work/b", False),
    ],
)
def test_machine_paths_are_told_from_urls(line: str, *, found: bool) -> None:
    assert bool(MACHINE_PATH.search(line)) is found
