"""Posts: what was published, with the behaviour that its platform counts."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import TIMESTAMP, Table, column

MEDIA_KINDS = ("image", "video", "audio")
AUTHOR_KINDS = ("person", "deleted", "listed_bot", "bot_name")

MEDIUM = pa.struct([pa.field("kind", pa.string()), pa.field("url", pa.string())])

POSTS = Table(
    name="posts",
    version=1,
    meaning="A post, in its latest observation.",
    key=("post_id",),
    bucket_by="post_id",
    time="created_at",
    columns=(
        column("post_id", pa.string(), "`<platform>:<native id>`.", nullable=False),
        column("platform", pa.string(), "reddit, youtube, or what a jsonl row names.", nullable=False),
        column("community", pa.string(), "Subreddit or the like; null for a profile post."),
        column("channel_id", pa.string(), "The platform's id of the channel that published."),
        column("category", pa.string(), "The platform's category or flair."),
        column("tags", pa.list_(pa.string()), "The poster's tags, in their order."),
        column("created_at", TIMESTAMP, "When it was published."),
        column("retrieved_at", TIMESTAMP, "When this observation was made; null where the dump does not say."),
        column("title", pa.string(), "Title."),
        column("text", pa.string(), "Body or description; null where there is none or it was removed."),
        column("url", pa.string(), "What the post links to, or the watch page of a video."),
        column("permalink", pa.string(), "Where the post itself is shown; null for a profile post."),
        column("nsfw", pa.bool_(), "Marked as adult by the platform."),
        column("removed", pa.bool_(), "Taken down by its author or a moderator."),
        column("author_kind", pa.string(), "person, deleted, listed_bot or bot_name; null where no author is given."),
        column("author_bucket", pa.int16(), "10 bits of an unkeyed SHA-256 of the author, for splits.", unit="0..1023"),
        column("media", pa.list_(MEDIUM), "Media in their order: kind (image, video, audio) and url."),
        column("duration_seconds", pa.float64(), "Length of the video.", unit="s"),
        column("transcript", pa.string(), "What is said in it."),
        column("likes", pa.int64(), "Likes, or the Reddit score (can be negative)."),
        column("upvote_ratio", pa.float64(), "Reddit's share of upvotes.", unit="0..1"),
        column("views", pa.int64(), "Views."),
        column("num_comments", pa.int64(), "Comments as the platform counts them."),
        column("audience_size", pa.int64(), "Subscribers of the community or channel."),
        column("replay", pa.list_(pa.float32()), "`Most replayed` curve over equal parts of the video.", unit="0..1"),
        column("source_file", pa.string(), "SHA-256 of the input file.", nullable=False),
        column(
            "source_offset", pa.int64(), "Byte of the record in the decompressed file, or its ordinal.", nullable=False
        ),
    ),
)
