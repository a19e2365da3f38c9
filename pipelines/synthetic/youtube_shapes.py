"""The Data API v3 resources that youtube.py fills in: videos, comments and comment threads."""

from __future__ import annotations

from functools import cache
from typing import Any

from pipelines.synthetic.template import Template

Shape = dict[str, Any]


@cache
def video_template() -> Template:
    """An item of videos.list with snippet, contentDetails and statistics."""
    return Template(
        {
            "kind": "youtube#video", "etag": "<etag>", "id": "<id>",
            "snippet": {
                "publishedAt": "<published>", "channelId": "<channel>", "title": "<title>",
                "description": "<description>",
                "thumbnails": {
                    "default": {"url": "https://i.ytimg.com/vi/<id>/default.jpg", "width": 120, "height": 90},
                    "high": {"url": "https://i.ytimg.com/vi/<id>/hqdefault.jpg", "width": 480, "height": 360},
                },
                "channelTitle": "<channel_title>", "@tags": None, "liveBroadcastContent": "none",
                "localized": {"title": "<title>", "description": "<description>"},
            },
            "contentDetails": {
                "duration": "<duration>", "dimension": "2d", "definition": "sd", "caption": "false",
                "licensedContent": False, "contentRating": {}, "projection": "rectangular",
            },
            "statistics": {"@statistics": None, "favoriteCount": "0"},
        },
        end="",
    )  # fmt: skip


@cache
def comment_template() -> Template:
    """A comment resource; a reply has `parentId` among its `@texts`."""
    return Template(
        {
            "kind": "youtube#comment", "etag": "<etag>", "id": "<id>",
            "snippet": {
                "authorDisplayName": "<author>",
                "authorProfileImageUrl": "https://yt3.ggpht.com/a/<etag>=s48-c-k-c0xffffffff-no-rj-mo",
                "authorChannelUrl": "http://www.youtube.com/channel/<channel>",
                "authorChannelId": {"value": "<channel>"}, "videoId": "<video>", "@texts": None, "canRate": True,
                "viewerRating": "none", "likeCount": "<<likes>>", "publishedAt": "<published>",
                "updatedAt": "<updated>",
            },
        },
        end="",
    )  # fmt: skip


@cache
def thread_template() -> Template:
    """An item of commentThreads.list; `@tail` holds the replies where there are any."""
    return Template(
        {
            "kind": "youtube#commentThread", "id": "<id>",
            "snippet": {
                "videoId": "<video>", "topLevelComment": "<<top>>", "canReply": True,
                "totalReplyCount": "<<num_replies>>", "isPublic": True,
            },
            "@tail": None,
        },
        end="",
    )  # fmt: skip


def page(kind: str, items: list[str]) -> str:
    """A list response, `youtube#<kind>ListResponse`, around rendered items."""
    head = f'{{"kind":"youtube#{kind}ListResponse","etag":"p{len(items)}","pageInfo":{{"totalResults":{len(items)},'
    return head + f'"resultsPerPage":{len(items)}}},"items":[{",".join(items)}]}}'
