"""What a synthetic world came to; returned by `synthesize` and stored as summary.json."""

from __future__ import annotations

from dataclasses import dataclass, field


def tally() -> dict[str, int]:
    """An empty count for one dump file."""
    return {"posts": 0, "comments": 0, "corrupt": 0}


@dataclass
class Summary:
    """What was written. File names are relative to the output folder."""

    seed: int
    posts: int = 0
    """Distinct posts; a post that was seen twice counts once here and twice in `files`."""
    comments: int = 0
    """Distinct comments that can be read."""
    files: dict[str, dict[str, int]] = field(default_factory=dict)
    """Records in each dump: posts and comments that can be read, and corrupt lines; their sum is the file's records."""
    media_files: int = 0
    bad_files: list[str] = field(default_factory=list)
    """Dumps that end too early: what `max_bad_files` must allow."""
    broken_media: list[str] = field(default_factory=list)
    planted: dict[str, int] = field(default_factory=dict)
    """Facts in truth.parquet, by kind."""
