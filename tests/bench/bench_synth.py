"""How fast `synthesize` writes, and in how much memory. Run: pytest -m bench tests/bench/bench_synth.py -s."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT_PER_SECOND = 50_000
LIMIT_MIB = 1_536
POSTS = 100_000

_SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from pipelines.synthetic import synthesize
begin = time.process_time()
summary = synthesize(Path(sys.argv[1]), posts=int(sys.argv[2]), media=0)
spent = time.process_time() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"rows": summary.posts + summary.comments, "cpu_seconds": spent, "peak_mib": peak}))
"""


@pytest.mark.bench
def test_posts_and_comments_per_second_of_one_core(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path / "out"), str(POSTS)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    speed = found["rows"] / found["cpu_seconds"]
    print(f"\nsynth: {found['rows']} rows, {speed:,.0f} rows/s of CPU (limit {LIMIT_PER_SECOND:,})")
    print(f"synth: peak {found['peak_mib']:.0f} MiB (limit {LIMIT_MIB})")
    assert speed >= LIMIT_PER_SECOND
    assert found["peak_mib"] < LIMIT_MIB
