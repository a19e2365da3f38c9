"""Sources: one per platform, raw bytes in, Arrow tables out. Ingest looks a source up by its name in `SOURCES`."""

from pipelines.sources.cutting import Piece, Plan, Reblocked, Window, cut_ranges, plan_chunks, reblock
from pipelines.sources.jsonl import Jsonl
from pipelines.sources.origin import Origin
from pipelines.sources.reddit import Reddit
from pipelines.sources.tables import Fault, Tables
from pipelines.sources.youtube import YouTube

SOURCES: dict[str, type[Reddit] | type[YouTube] | type[Jsonl]] = {"reddit": Reddit, "youtube": YouTube, "jsonl": Jsonl}

__all__ = [
    "SOURCES",
    "Fault",
    "Jsonl",
    "Origin",
    "Piece",
    "Plan",
    "Reblocked",
    "Reddit",
    "Tables",
    "Window",
    "YouTube",
    "cut_ranges",
    "plan_chunks",
    "reblock",
]
