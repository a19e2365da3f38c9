"""yt-dlp's `.info.json` as rows: a video, its comments, its "most replayed" curve. Called by `youtube`."""

from __future__ import annotations

import math
import re
from typing import Any

from pipelines.sources.batch import Author, Row
from pipelines.sources.tables import RecordError
from pipelines.sources.values import boolean, count, epoch, instant, real
from pipelines.sources.youtube_rows import comment_id, text, texts, video_id, watch

REPLAY_VALUES = 100
"""YouTube cuts every video into this many equal parts."""

_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)


def is_ytdlp(document: dict[str, Any]) -> bool:
    return "extractor" in document or "extractor_key" in document or "webpage_url_domain" in document


def is_of_youtube(document: dict[str, Any]) -> bool:
    """yt-dlp reads a thousand sites; these documents alone are YouTube's."""
    name = str(document.get("extractor_key") or document.get("extractor") or "").lower()
    return name.startswith("youtube") or document.get("webpage_url_domain") == "youtube.com"


def video_row(info: dict[str, Any]) -> tuple[Row, Author | None]:
    """A posts row of a video's info.json."""
    video = video_id(info.get("id"), "id")
    channel = text(info.get("channel_id"), "channel_id")
    categories = texts(info.get("categories"), "categories")
    limit = count(info.get("age_limit"), "age_limit")
    length = real(info.get("duration"), "duration")
    row = watch(video) | {
        "channel_id": channel,
        "category": categories[0] if categories else None,
        "tags": texts(info.get("tags"), "tags"),
        "created_at": _published(info),
        "retrieved_at": epoch(info.get("epoch"), "epoch"),
        "title": text(info.get("title"), "title"),
        "text": text(info.get("description"), "description"),
        "nsfw": None if limit is None else limit >= 18,
        "duration_seconds": length or None,
        "likes": count(info.get("like_count"), "like_count"),
        "views": count(info.get("view_count"), "view_count"),
        "num_comments": count(info.get("comment_count"), "comment_count"),
        "audience_size": count(info.get("channel_follower_count"), "channel_follower_count"),
        "replay": replay(info.get("heatmap"), "heatmap"),
    }
    title = text(info.get("channel") or info.get("uploader"), "uploader")
    name = text(info.get("uploader_id"), "uploader_id") or title
    return row, Author("youtube", channel, name, title) if channel or name else None


def comment_row(item: dict[str, Any], info: dict[str, Any]) -> tuple[Row, Author | None]:
    """A comments row of one entry of `comments`; `info` is the video's document."""
    native = comment_id(item.get("id"), "comments.id")
    parent = text(item.get("parent"), "comments.parent")
    row: Row = {
        "comment_id": f"youtube:{native}",
        "post_id": f"youtube:{video_id(info.get('id'), 'id')}",
        "parent_id": None if parent in (None, "root") else f"youtube:{comment_id(parent, 'comments.parent')}",
        "by_poster": boolean(item.get("author_is_uploader"), "comments.author_is_uploader"),
        "created_at": epoch(item.get("timestamp"), "comments.timestamp"),
        "retrieved_at": epoch(info.get("epoch"), "epoch"),
        "text": text(item.get("text"), "comments.text"),
        "likes": count(item.get("like_count"), "comments.like_count"),
    }
    author_id = text(item.get("author_id"), "comments.author_id")
    name = text(item.get("author"), "comments.author")
    return row, Author("youtube", author_id, name) if author_id or name else None


def replay(value: Any, field: str) -> list[float] | None:
    """The curve as 100 values in 0..1; one of another length is read at the middle of each hundredth."""
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise RecordError(field, "an array of objects", value)
    heights = []
    for at, part in enumerate(value):
        height = real(part.get("value"), f"{field}[{at}].value")
        if height is None or not 0 <= height <= 1:
            raise RecordError(f"{field}[{at}].value", "a number within 0..1", part.get("value"))
        heights.append(height)
    if len(heights) == REPLAY_VALUES:
        return heights
    return [heights[math.floor((i + 0.5) / REPLAY_VALUES * len(heights))] for i in range(REPLAY_VALUES)]


def _published(info: dict[str, Any]) -> int | None:
    """The exact time where it is given, else midnight UTC of the upload day."""
    moment = epoch(info.get("timestamp"), "timestamp")
    day = text(info.get("upload_date"), "upload_date")
    if moment is not None or day is None:
        return moment
    match = _DAY.fullmatch(day)
    return instant(f"{match[1]}-{match[2]}-{match[3]}T00:00:00Z" if match else day, "upload_date")
