"""What became of one post or comment: where it came from, which table took or rejected it, and why."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from pipelines.lake.reader import Lake


def explain(lake: Lake, row_id: str) -> list[dict[str, Any]]:
    """Events in the order of the pipeline, each with table, outcome (accepted, rejected, cluster) and details.

    An id is a `post_id` or a `comment_id`; an unknown one gives an empty list. Post ids read one bucket a table;
    comment ids scan the key column. Raises LakeError naming a shard that is missing or not whole.
    """
    with lake.naming_damage():
        return _of_post(lake, row_id) or _of_comment(lake, row_id)


def _of_post(lake: Lake, post_id: str) -> list[dict[str, Any]]:
    events = []
    for rejected in (False, True):
        for row in lake.find("posts", post_id, rejected=rejected):
            events.append(_event("posts", row, lake, ("title", "likes", "retrieved_at")))
    if not events:
        return []
    for row in _rows(lake, "duplicates", "post_id", post_id):
        members = [r["post_id"] for r in lake.find("duplicates", row["canonical_id"])]
        details = {name: row[name] for name in ("canonical_id", "evidence", "similarity", "witness")}
        events.append({"table": "duplicates", "outcome": "cluster", **details, "members": members})
    for rejected in (False, True):
        for row in lake.find("samples", post_id, rejected=rejected):
            events.append(_event("samples", row, lake, ("sample_id", "split")))
    return events


def _of_comment(lake: Lake, comment_id: str) -> list[dict[str, Any]]:
    events = []
    for table, fields in (
        ("comments", ("post_id", "text", "likes", "retrieved_at")),
        ("clean_comments", ("canonical_id", "language", "toxicity", "rank")),
    ):
        for rejected in (False, True):
            for row in _rows(lake, table, "comment_id", comment_id, rejected=rejected):
                events.append(_event(table, row, lake, fields))
    return events


def _rows(lake: Lake, table: str, column: str, value: str, *, rejected: bool = False) -> list[dict[str, Any]]:
    if lake.manifest(table) is None:
        return []
    rows: ds.Dataset = lake.rejected(table) if rejected else lake.table(table)
    found: pa.Table = rows.to_table(filter=ds.field(column) == value)
    return list(found.to_pylist())


def _event(table: str, row: dict[str, Any], lake: Lake, fields: tuple[str, ...]) -> dict[str, Any]:
    event: dict[str, Any] = {"table": table, "outcome": "accepted"}
    if "reject_reason" in row:
        event |= {"outcome": "rejected", "step": row["reject_step"], "reason": row["reject_reason"]}
    if "source_file" in row and table in ("posts", "comments"):
        names = {entry.sha256: entry.name for entry in _inputs(lake)}
        event |= {"file": names.get(row["source_file"], row["source_file"]), "offset": row["source_offset"]}
    return event | {name: row[name] for name in fields}


def _inputs(lake: Lake) -> tuple[Any, ...]:
    manifest = lake.manifest("posts")
    return manifest.inputs if manifest else ()
