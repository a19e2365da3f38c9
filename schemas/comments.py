"""Comments: as observed (`comments`) and as they may be published (`clean_comments`)."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import TIMESTAMP, Table, column

_OBSERVED = (
    column("comment_id", pa.string(), "`<platform>:<native id>`.", nullable=False),
    column("post_id", pa.string(), "The post that it stands under.", nullable=False),
    column("parent_id", pa.string(), "The comment that it answers; null at the top level."),
    column("by_poster", pa.bool_(), "Written by the post's author; null where the platform does not say."),
    column("author_kind", pa.string(), "person, deleted, listed_bot or bot_name; null where no author is given."),
    column("created_at", TIMESTAMP, "When it was written."),
    column("retrieved_at", TIMESTAMP, "When this observation was made; null where the dump does not say."),
    column("text", pa.string(), "The comment; null where it was removed."),
    column("likes", pa.int64(), "Likes, or the Reddit score (can be negative)."),
    column("source_file", pa.string(), "SHA-256 of the input file.", nullable=False),
    column("source_offset", pa.int64(), "Byte of the record in the decompressed file, or its ordinal.", nullable=False),
)

COMMENTS = Table(
    name="comments",
    version=1,
    meaning="A comment, in its latest observation.",
    key=("post_id", "comment_id"),
    bucket_by="post_id",
    time="created_at",
    columns=_OBSERVED,
)

CLEAN_COMMENTS = Table(
    name="clean_comments",
    version=1,
    meaning="A comment that may be published, under the canonical post of its cluster.",
    key=("canonical_id", "comment_id"),
    bucket_by="canonical_id",
    time="created_at",
    columns=(
        *_OBSERVED,
        column("canonical_id", pa.string(), "The post that stands for the cluster of `post_id`.", nullable=False),
        column("language", pa.string(), "ISO 639-1 code; und: too little evidence; null: nothing looked."),
        column("language_score", pa.float64(), "Confidence in `language`.", unit="0..1"),
        column("toxicity", pa.float64(), "Probability of being toxic; null where nothing scored it.", unit="0..1"),
        column("rank", pa.int32(), "Place among the kept comments of the canonical post, from 1; null if not kept."),
    ),
)
