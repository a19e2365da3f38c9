"""The lake's contracts: one table a file, the manifest, the errors. Imports nothing but pyarrow and pydantic."""

from schemas.authors import AUTHORS
from schemas.comments import CLEAN_COMMENTS, COMMENTS
from schemas.duplicates import DUPLICATES
from schemas.media import FETCHES, KEYFRAMES, MEDIA
from schemas.posts import POSTS
from schemas.quarantine import QUARANTINE
from schemas.samples import SAMPLES
from schemas.scores import SCORES
from schemas.table import Table

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        POSTS,
        COMMENTS,
        AUTHORS,
        FETCHES,
        MEDIA,
        KEYFRAMES,
        DUPLICATES,
        CLEAN_COMMENTS,
        SCORES,
        SAMPLES,
        QUARANTINE,
    )
}

__all__ = [
    "AUTHORS",
    "CLEAN_COMMENTS",
    "COMMENTS",
    "DUPLICATES",
    "FETCHES",
    "KEYFRAMES",
    "MEDIA",
    "POSTS",
    "QUARANTINE",
    "SAMPLES",
    "SCORES",
    "TABLES",
    "Table",
]
