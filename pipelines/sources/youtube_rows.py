"""What all forms of YouTube data share: ids, categories, durations, the watch page. Used by the YouTube readers."""

from __future__ import annotations

import html
import re
from typing import Any

from pipelines.sources.batch import Row
from pipelines.sources.tables import RecordError
from pipelines.sources.values import string

CATEGORIES = {
    "1": "Film & Animation",
    "2": "Autos & Vehicles",
    "10": "Music",
    "15": "Pets & Animals",
    "17": "Sports",
    "18": "Short Movies",
    "19": "Travel & Events",
    "20": "Gaming",
    "21": "Videoblogging",
    "22": "People & Blogs",
    "23": "Comedy",
    "24": "Entertainment",
    "25": "News & Politics",
    "26": "Howto & Style",
    "27": "Education",
    "28": "Science & Technology",
    "29": "Nonprofits & Activism",
    "30": "Movies",
    "43": "Shows",
    "44": "Trailers",
}
"""videoCategories.list of region US; yt-dlp gives the same names."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_COMMENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_DURATION = re.compile(
    r"P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,10}(?:\.\d{1,6})?)S)?)?", re.ASCII
)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def video_id(value: Any, field: str) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise RecordError(field, "a video id", value)
    return value


def comment_id(value: Any, field: str) -> str:
    if not isinstance(value, str) or not _COMMENT_ID.fullmatch(value):
        raise RecordError(field, "a comment id", value)
    return value


def watch(video: str) -> Row:
    """The columns that follow from the video's id alone."""
    page = f"https://www.youtube.com/watch?v={video}"
    return {
        "post_id": f"youtube:{video}",
        "platform": "youtube",
        "url": page,
        "permalink": page,
        "media": [{"kind": "video", "url": page}],
    }


def category(value: Any, field: str) -> str | None:
    """The name of a category id; an unknown id stays as it is."""
    text = string(str(value) if isinstance(value, int) else value, field)
    return CATEGORIES.get(text, text) if text else None


def iso_duration(value: Any, field: str) -> float | None:
    """Seconds of an ISO 8601 duration; None for the zero that live and coming streams have."""
    if value is None:
        return None
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or value in ("P", "PT"):
        raise RecordError(field, "an ISO 8601 duration", value)
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds or None


def plain_text(display: str | None) -> str | None:
    """The text of YouTube's `textDisplay`, which is HTML."""
    return None if display is None else html.unescape(_TAG.sub("", _BREAK.sub("\n", display)))


def text(value: Any, field: str) -> str | None:
    """A string; null where it is empty."""
    return string(value, field) or None


def texts(value: Any, field: str) -> list[str] | None:
    """A list of strings; null where it is empty."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise RecordError(field, "an array of strings", value)
    found = [text(item, f"{field}[{at}]") for at, item in enumerate(value)]
    return [item for item in found if item] or None


def section(parent: dict[str, Any], field: str, where: str = "") -> dict[str, Any]:
    """An object inside an object; empty where it is absent."""
    value = parent.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RecordError(where + field, "an object", value)
    return value
