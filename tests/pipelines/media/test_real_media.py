"""Real pictures and videos: nothing crashes, and each ends as what it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.media.examine import examine
from pipelines.media.outcome import Examined, Refused
from pipelines.media.recipe import MediaRecipe

ROOT = Path(os.environ.get("POSTLAKE_REAL_DATA", Path(__file__).parents[3] / ".." / "shared" / "data"))
SETS = {
    "videos_perception": {"accepted": 6, "wrong_type": 0},
    "videos_neardup_pairs": {"accepted": 5, "wrong_type": 0},
    "msvd_clips_captions": {"accepted": 8, "wrong_type": 0},
    "images_perception": {"accepted": 14, "wrong_type": 0},
    "images_images4": {"accepted": 14, "blank": 11},
    "images_imagededup_ukbench": {"accepted": 21, "not_media": 2},
}
SUFFIXES = (".jpg", ".png", ".gif", ".mp4", ".m4v", ".mov", ".avi", ".flv")


@pytest.mark.real
@pytest.mark.parametrize("name", SETS)
def test_real_media_end_as_what_they_are(name: str) -> None:
    if not (ROOT / name).is_dir():
        pytest.skip(f"real data set {name} is not there")
    counts = dict.fromkeys(SETS[name], 0)
    for path in sorted(p for p in (ROOT / name).rglob("*") if p.suffix.lower() in SUFFIXES):
        result = examine(path, MediaRecipe())
        outcome = result.reason if isinstance(result, Refused) else "accepted"
        counts[outcome] = counts.get(outcome, 0) + 1
        if isinstance(result, Examined):
            assert result.media["num_bytes"] == path.stat().st_size
            assert all(1000 < len(row["jpeg"]) < 100_000 for row in result.keyframes)
    assert counts == SETS[name]
