"""The contracts as JSON files under `schemas/snapshots/`, so that a change of a schema shows in a diff.

`python -m schemas.snapshot --write` writes them, `--check` (and a test) tells where code and files differ.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from schemas import TABLES
from schemas.table import Table

FOLDER = Path(__file__).parent / "snapshots"


def snapshot_text(table: Table) -> str:
    """The text of a table's snapshot file."""
    return json.dumps(table.describe(), indent=2, ensure_ascii=False) + "\n"


def differences(folder: Path = FOLDER) -> list[str]:
    """One line for each snapshot that is missing, differs from the code, or belongs to no table; empty if all agree."""
    lines = []
    for name, table in sorted(TABLES.items()):
        path = folder / f"{name}.json"
        if not path.exists():
            lines.append(f"{path.name}: missing")
        elif path.read_text(encoding="utf-8") != snapshot_text(table):
            lines.append(f"{path.name}: differs from schemas")
    return lines + [f"{path.name}: belongs to no table" for path in _strays(folder)]


def write(folder: Path = FOLDER) -> None:
    """Write the snapshot of every table, and remove those of tables that are no more."""
    folder.mkdir(exist_ok=True)
    for path in _strays(folder):
        path.unlink()
    for name, table in sorted(TABLES.items()):
        (folder / f"{name}.json").write_text(snapshot_text(table), encoding="utf-8", newline="\n")


def _strays(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.stem not in TABLES)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 3 where `--check` found a difference."""
    parser = argparse.ArgumentParser(prog="python -m schemas.snapshot", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the snapshots from the code")
    action.add_argument("--check", action="store_true", help="compare them with the code")
    if parser.parse_args(arguments).write:
        write()
        return 0
    found = differences()
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 3 if found else 0


if __name__ == "__main__":
    sys.exit(main())
