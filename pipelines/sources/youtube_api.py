"""YouTube Data API v3 resources as rows: videos, comment threads with their replies, comments. Called by `youtube`."""

from __future__ import annotations

from typing import Any

from pipelines.sources.batch import Author, Row
from pipelines.sources.tables import RecordError
from pipelines.sources.values import count, instant
from pipelines.sources.youtube_rows import (
    category,
    comment_id,
    iso_duration,
    plain_text,
    section,
    text,
    texts,
    video_id,
    watch,
)

VIDEO, THREAD, COMMENT = "youtube#video", "youtube#commentThread", "youtube#comment"
LISTS = {
    "youtube#videoListResponse",
    "youtube#commentThreadListResponse",
    "youtube#commentListResponse",
}
EXPECTED = "youtube#video, youtube#commentThread or youtube#comment"


def video_row(item: dict[str, Any]) -> tuple[Row, Author | None]:
    """A posts row of a `youtube#video`. A count that the owner hides is absent there and null here."""
    video = video_id(item.get("id"), "id")
    snippet = section(item, "snippet")
    details = section(item, "contentDetails")
    statistics = section(item, "statistics")
    rating = section(details, "contentRating", "contentDetails.")
    state = text(section(item, "status").get("uploadStatus"), "status.uploadStatus")
    channel = text(snippet.get("channelId"), "snippet.channelId")
    row = watch(video) | {
        "channel_id": channel,
        "category": category(snippet.get("categoryId"), "snippet.categoryId"),
        "tags": texts(snippet.get("tags"), "snippet.tags"),
        "created_at": instant(snippet.get("publishedAt"), "snippet.publishedAt"),
        "title": text(snippet.get("title"), "snippet.title"),
        "text": text(snippet.get("description"), "snippet.description"),
        "nsfw": rating.get("ytRating") == "ytAgeRestricted" if details else None,
        "removed": None if state is None else state in ("deleted", "rejected"),
        "duration_seconds": iso_duration(details.get("duration"), "contentDetails.duration"),
        "likes": count(statistics.get("likeCount"), "statistics.likeCount"),
        "views": count(statistics.get("viewCount"), "statistics.viewCount"),
        "num_comments": count(statistics.get("commentCount"), "statistics.commentCount"),
    }
    return row, _author(channel, text(snippet.get("channelTitle"), "snippet.channelTitle"))


def comment_row(item: dict[str, Any], thread: dict[str, Any] | None, *, is_reply: bool) -> tuple[Row, Author | None]:
    """A comments row of a `youtube#comment`; `thread` is the snippet of the thread that it came in, if any."""
    if item.get("kind", COMMENT) != COMMENT:
        raise RecordError("kind", COMMENT, item.get("kind"))
    native = comment_id(item.get("id"), "id")
    snippet = section(item, "snippet")
    thread = thread or {}
    video = snippet.get("videoId") or thread.get("videoId")
    if video is None:
        raise RecordError("snippet.videoId", "the video that it stands under", None)
    parent = text(snippet.get("parentId"), "snippet.parentId")
    if parent is None and (is_reply or "." in native):
        parent = native.partition(".")[0]
    owner = text(snippet.get("channelId") or thread.get("channelId"), "snippet.channelId")
    writer = text(section(snippet, "authorChannelId", "snippet.").get("value"), "snippet.authorChannelId.value")
    written = text(snippet.get("textOriginal"), "snippet.textOriginal")
    row: Row = {
        "comment_id": f"youtube:{native}",
        "post_id": f"youtube:{video_id(video, 'snippet.videoId')}",
        "parent_id": f"youtube:{comment_id(parent, 'snippet.parentId')}" if parent else None,
        "by_poster": writer == owner if writer and owner else None,
        "created_at": instant(snippet.get("publishedAt"), "snippet.publishedAt"),
        "text": written or plain_text(text(snippet.get("textDisplay"), "snippet.textDisplay")),
        "likes": count(snippet.get("likeCount"), "snippet.likeCount"),
    }
    return row, _author(writer, text(snippet.get("authorDisplayName"), "snippet.authorDisplayName"))


def _author(author_id: str | None, name: str | None) -> Author | None:
    return Author("youtube", author_id, name) if author_id or name else None
