"""The committed snapshots say what the code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas import TABLES
from schemas.snapshot import differences, main, write


def test_committed_snapshots_equal_the_code() -> None:
    assert differences() == [], "run `python -m schemas.snapshot --write` and look at the diff"


def test_check_names_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    assert differences(tmp_path) == []
    changed = json.loads((tmp_path / "posts.json").read_text())
    changed["columns"][0]["type"] = "int64"
    (tmp_path / "posts.json").write_text(json.dumps(changed))
    (tmp_path / "media.json").unlink()
    (tmp_path / "likes.json").write_text("{}")
    assert differences(tmp_path) == [
        "media.json: missing",
        "posts.json: differs from schemas",
        "likes.json: belongs to no table",
    ]
    write(tmp_path)
    assert differences(tmp_path) == []
    assert {path.stem for path in tmp_path.iterdir()} == set(TABLES)
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_an_action_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert "--write" in capsys.readouterr().err
