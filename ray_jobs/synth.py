"""The synth command: writes synthetic raw dumps and says what is in them."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

from pipelines.synthetic import synthesize
from ray_jobs.output import Output


def synth(out: Path, *, posts: int, seed: int, media: int | None, broken: bool, output: Output) -> None:
    begun = time.monotonic()
    with output.progress("synth (posts)", posts) as progress:
        summary = synthesize(
            out,
            posts=posts,
            seed=seed,
            media=media,
            broken=broken,
            progress=lambda n: progress.advance(0, n),  # type: ignore[arg-type]
        )
    output.log(f"synth: done in {time.monotonic() - begun:.1f} s")
    output.result(asdict(summary))
    rows = [
        ["posts", summary.posts],
        ["comments", summary.comments],
        ["dump files", len(summary.files)],
        ["media files", summary.media_files],
        ["damaged dump files", len(summary.bad_files)],
        *[[f"planted: {kind}", count] for kind, count in sorted(summary.planted.items())],
    ]
    output.table(f"{out}: raw dumps, and truth.parquet", ["what", "number"], rows)
