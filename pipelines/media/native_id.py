"""The id that a platform gives a medium, read from a link to it. Called by `local` to find `<id>.<suffix>`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs

_YOUTUBE_ID = re.compile(r"[0-9A-Za-z_-]{11}")
_REDDIT_VIDEO_ID = re.compile(r"[0-9a-z]{8,20}")
_IMGUR_ID = re.compile(r"[0-9A-Za-z]{5,8}")
_WATCH_HOSTS = ("youtube.com", "youtube-nocookie.com")
_WATCH_FOLDERS = ("shorts", "embed", "live", "v", "e")
_THUMBNAIL_HOSTS = ("i.ytimg.com", "img.youtube.com", "i3.ytimg.com", "i1.ytimg.com", "i2.ytimg.com", "i4.ytimg.com")
_THUMBNAIL_FOLDERS = ("vi", "vi_webp", "an_webp")


@dataclass(frozen=True)
class NativeId:
    """A platform's id; `kind` is image where only a picture can be meant, such as a video's thumbnail."""

    id: str
    kind: Literal["image", "any"]


def native_id(host: str, path: str, query: str) -> NativeId | None:
    """The id in a link to YouTube, v.redd.it or imgur; None for any other link."""
    host = host.lower().removesuffix(".")
    parts = [part for part in path.split("/") if part]
    if host in _THUMBNAIL_HOSTS:
        return _youtube(parts[1:2], "image") if parts[:1] and parts[0] in _THUMBNAIL_FOLDERS else None
    if host == "youtu.be":
        return _youtube(parts[:1], "any")
    if any(host == known or host.endswith("." + known) for known in _WATCH_HOSTS):
        if parts[:1] == ["watch"]:
            return _youtube(parse_qs(query).get("v", [])[:1], "any")
        return _youtube(parts[1:2], "any") if parts[:1] and parts[0] in _WATCH_FOLDERS else None
    if host == "v.redd.it":
        return _checked(parts[:1], _REDDIT_VIDEO_ID, "any")
    if host in ("imgur.com", "i.imgur.com", "m.imgur.com", "www.imgur.com") and len(parts) == 1:
        return _checked([parts[0].split(".")[0]], _IMGUR_ID, "any")
    return None


def _youtube(parts: list[str], kind: Literal["image", "any"]) -> NativeId | None:
    return _checked(parts, _YOUTUBE_ID, kind)


def _checked(parts: list[str], pattern: re.Pattern[str], kind: Literal["image", "any"]) -> NativeId | None:
    return NativeId(parts[0], kind) if parts and pattern.fullmatch(parts[0]) else None
