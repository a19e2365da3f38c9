"""Which tables were made from tables that have changed since, and by which command each is made again.

Used by `ray_jobs.views` and `ray_jobs.summary`; reads manifests alone.
"""

from __future__ import annotations

from pipelines.lake.reader import Lake

MADE_BY = {
    **dict.fromkeys(("posts", "comments", "authors", "quarantine"), "ingest"),
    **dict.fromkeys(("fetches", "media", "keyframes"), "media"),
    "duplicates": "dedup",
    "clean_comments": "clean",
    "samples": "samples",
}
"""The command that makes a table."""


def stale(lake: Lake) -> dict[str, list[str]]:
    """The tables that are older than a table they were made from, each with those that have changed."""
    digests = {name: ref.digest for name, ref in lake.version.tables.items()}
    found = {}
    for name, command in MADE_BY.items():
        manifest = None if command == "ingest" else lake.manifest(name)
        if manifest is not None:
            # Ingest grows its own tables: only a derived table can be out of date.
            changed = [parent for parent, digest in manifest.parents.items() if digests.get(parent) != digest]
            if changed:
                found[name] = changed
    return found


def made_from(table: str, changed: list[str]) -> str:
    """Said of a table that is out of date."""
    return f"made from an earlier {' and '.join(changed)}; run postlake {MADE_BY[table]}"
