"""Which media a Reddit post shows, in their order. Called by reddit_rows for each submission.

Media fields that are not of the documented shape are passed over: they are links, the post stands without them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pipelines.sources.reddit_records import Post, parse_any

Medium = dict[str, str]

_EXTENSIONS = {
    "image": ("jpg", "jpeg", "png", "gif", "webp", "bmp", "jfif", "avif"),
    "video": ("gifv", "mp4", "webm", "mov", "m4v", "mkv"),
    "audio": ("mp3", "m4a", "ogg", "oga", "wav", "flac", "opus"),
}
_KIND_OF = {extension: kind for kind, extensions in _EXTENSIONS.items() for extension in extensions}
_IMAGE_HOSTS = ("i.redd.it", "i.reddituploads.com", "i.imgur.com", "preview.redd.it")
_VIDEO_HOSTS = (
    "v.redd.it",
    "youtu.be",
    "vimeo.com",
    "streamable.com",
    "gfycat.com",
    "redgifs.com",
    "clips.twitch.tv",
    "tiktok.com",
    "dailymotion.com",
    "liveleak.com",
)
_YOUTUBE_PATH = re.compile(r"/(watch|shorts/|embed/|v/|live/)")
# A preview is the post's own picture only for these; for links it shows the linked page.
_PICTURE_HINTS = ("image",)
_PICTURE_PAGES = ("imgur.com", "flickr.com", "flic.kr", "instagram.com", "pixiv.net", "deviantart.com")


def media_of(post: Post) -> tuple[list[Medium], Any]:
    """Media of the post (kind and url), and the duration in seconds that Reddit gives for its video, as it stands."""
    return _media(
        {
            "media": post.media,
            "secure_media": post.secure_media,
            "media_metadata": post.media_metadata,
            "gallery_data": post.gallery_data,
            "crosspost_parent_list": post.crosspost_parent_list,
            "url": post.url_overridden_by_dest or post.url,
            "post_hint": post.post_hint,
            "preview": parse_any(post.preview),
        }
    )


def _media(post: dict[str, Any]) -> tuple[list[Medium], Any]:
    if gallery := list(_gallery(post)):
        return gallery, None
    for field in ("secure_media", "media"):
        video = _object(_object(post.get(field)).get("reddit_video"))
        if url := _text(video.get("fallback_url")):
            return [{"kind": "video", "url": _clean(url).split("?")[0]}], video.get("duration")
    link = _text(post.get("url_overridden_by_dest")) or _text(post.get("url")) or ""
    kind = link_kind(link)
    if kind is None and (picture := _preview(post, link)):
        kind, link = "image", picture
    if kind:
        return [{"kind": kind, "url": _clean(link)}], None
    parents = post.get("crosspost_parent_list")
    if isinstance(parents, list) and parents and isinstance(parents[0], dict):
        return _media({**parents[0], "crosspost_parent_list": None})
    return [], None


def link_kind(url: str) -> str | None:
    """image, video or audio, by extension and host; None for a page."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    extension = parts.path.rpartition(".")[2].lower()
    if kind := _KIND_OF.get(extension):
        return kind
    if host in _IMAGE_HOSTS:
        return "image"
    if host == "youtube.com":
        return "video" if _YOUTUBE_PATH.match(parts.path) else None
    return "video" if host in _VIDEO_HOSTS and len(parts.path) > 1 else None


def _gallery(post: dict[str, Any]) -> Iterator[Medium]:
    metadata = _object(post.get("media_metadata"))
    items = _object(post.get("gallery_data")).get("items")
    ordered = [_object(item).get("media_id") for item in items] if isinstance(items, list) else list(metadata)
    for name in ordered:
        found = _object(metadata.get(name)) if isinstance(name, str) else {}
        if found.get("status") == "valid" and (medium := _item(str(name), found)):
            yield medium


def _item(name: str, found: dict[str, Any]) -> Medium | None:
    source = _object(found.get("s"))
    kind, mime = found.get("e"), _text(found.get("m")) or ""
    if kind == "RedditVideo":
        url = _text(found.get("dashUrl")) or _text(found.get("hlsUrl"))
        return {"kind": "video", "url": _clean(url).split("?")[0]} if url else None
    # Emotes and the like have other ids than uploads, which are letters and digits.
    if kind in ("Image", "AnimatedImage") and name.isalnum() and mime.startswith("image/"):
        return {"kind": "image", "url": f"https://i.redd.it/{name}.{mime.removeprefix('image/')}"}
    for form, medium in (("u", "image"), ("gif", "image"), ("mp4", "video")):
        if url := _text(source.get(form)):
            return {"kind": medium, "url": _clean(url)}
    return None


def _preview(post: dict[str, Any], link: str) -> str | None:
    host = link.split("/")[2].removeprefix("www.").removeprefix("m.") if link.count("/") > 2 else ""
    if post.get("post_hint") not in _PICTURE_HINTS and host not in _PICTURE_PAGES:
        return None
    images = _object(post.get("preview")).get("images")
    first = _object(images[0]) if isinstance(images, list) and images else {}
    return _text(_object(first.get("source")).get("url"))


def _clean(url: str) -> str:
    """Reddit escapes `&` in the urls of its JSON."""
    return html.unescape(url).strip()


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
