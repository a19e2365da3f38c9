"""The readers of both platforms find in the synthetic dumps exactly what the summary says."""

from __future__ import annotations

import hashlib

from pipelines.sources.origin import Origin
from pipelines.sources.reddit import Reddit
from pipelines.sources.youtube import YouTube
from tests.pipelines.synthetic.conftest import World


def test_readers_count_as_the_summary_does(world: World) -> None:
    comments = set()
    for file, expected in world.summary.files.items():
        source = Reddit() if file.startswith("reddit/") else YouTube()
        path = world.out / file
        origin = Origin(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)
        found = {"posts": 0, "comments": 0, "corrupt": 0}
        with path.open("rb") as stream:
            for tables in source.read(stream, origin, b"key of this test"):
                found["posts"] += tables.posts.num_rows
                found["comments"] += tables.comments.num_rows
                found["corrupt"] += tables.quarantine.num_rows
                comments |= set(tables.comments["comment_id"].to_pylist())
        # What a truncated file lost is one quarantine row more.
        assert found == expected | {"corrupt": expected["corrupt"] + (file in world.summary.bad_files)}, file
    assert len(comments) == world.summary.comments
    assert {fact["comment_id"] for fact in world.facts() if fact["comment_id"]} <= comments
