"""The keys of Reddit records as dumps of four times have them; slots are explained in template.py.

Taken from Pushshift files of 2005 to 2023 and Arctic Shift files of 2024: keys came and went, `created_utc` was a
string, an integer and a float, `edited` a flag and then a time.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pipelines.synthetic.calendar import ARCTIC, FLAT, OLD, WIDE
from pipelines.synthetic.template import Template

Shape = dict[str, Any]
_RAW = {name: f"<<{name}>>" for name in ("edited", "score", "retrieved_on")}


def _old_comment() -> Shape:
    return {
        "distinguished": None, **_RAW, "@author": None, "author_flair_text": None, "author_flair_css_class": None,
        "controversiality": 0, "created_utc": "<created>", "archived": True, "body": "<body>", "link_id": "t3_<post>",
        "ups": "<<score>>", "downs": 0, "id": "<id>", "name": "t1_<id>", "parent_id": "<parent>", "gilded": 0,
        "subreddit": "<sub>", "score_hidden": False, "subreddit_id": "<sub_id>",
    }  # fmt: skip


def _flat_comment() -> Shape:
    return {
        "@author": None, "author_flair_css_class": None, "author_flair_text": None, "body": "<body>",
        "can_gild": True, "controversiality": 0, "created_utc": "<<created>>", "distinguished": "<<distinguished>>",
        **_RAW, "gilded": 0, "id": "<id>", "link_id": "t3_<post>", "parent_id": "<parent>",
        "stickied": "<<stickied>>", "subreddit": "<sub>", "subreddit_id": "<sub_id>",
    }  # fmt: skip


def _wide_comment() -> Shape:
    return {
        "all_awardings": [], "associated_award": None, "@author": None, "author_flair_background_color": None,
        "author_flair_css_class": None, "author_flair_richtext": [], "author_flair_template_id": None,
        "author_flair_text": None, "author_flair_text_color": None, "author_flair_type": "text",
        "author_patreon_flair": False, "author_premium": False, "awarders": [], "body": "<body>",
        "collapsed_because_crowd_control": None, "comment_type": None, "controversiality": 0,
        "created_utc": "<<created>>", "distinguished": "<<distinguished>>", **_RAW, "gildings": {}, "id": "<id>",
        "is_submitter": "<<own>>", "link_id": "t3_<post>", "locked": False, "no_follow": True, "parent_id": "<parent>",
        "permalink": "/r/<sub>/comments/<post>/<slug>/<id>/", "send_replies": True, "stickied": "<<stickied>>",
        "subreddit": "<sub>", "subreddit_id": "<sub_id>", "top_awarded_type": None, "total_awards_received": 0,
        "treatment_tags": [],
    }  # fmt: skip


def _arctic_comment() -> Shape:
    return {
        "_meta": {"retrieved_2nd_on": "<<retrieved_2nd_on>>"}, **_wide_comment(), "approved_at_utc": None,
        "archived": False, "author_is_blocked": False, "banned_by": None, "collapsed": False, "collapsed_reason": None,
        "collapsed_reason_code": None, "created": "<<created_float>>", "created_utc": "<<created_float>>", "downs": 0,
        "likes": None, "mod_note": None, "name": "t1_<id>", "num_reports": 0, "replies": "", "saved": False,
        "score_hidden": False, "subreddit_name_prefixed": "r/<sub>", "subreddit_type": "public",
        "ups": "<<score>>", "user_reports": [],
    }  # fmt: skip


def _old_post() -> Shape:
    return {
        "@author": None, "author_flair_css_class": None, "author_flair_text": None, "created": "<<created>>",
        "created_utc": "<created>", "distinguished": None, "domain": "<domain>", "downs": 0, **_RAW,
        "hide_score": False, "id": "<id>", "is_self": "<<is_self>>", "link_flair_text": None,
        "media": None, "media_embed": {}, "name": "t3_<id>", "num_comments": "<<num_comments>>",
        "over_18": "<<over_18>>", "permalink": "/r/<sub>/comments/<id>/<slug>/", "selftext": "<selftext>",
        "stickied": False, "subreddit": "<sub>", "subreddit_id": "<sub_id>", "thumbnail": "default", "title": "<title>",
        "ups": "<<score>>", "url": "<url>", "saved": False, "from": None, "from_id": None, "from_kind": None,
    }  # fmt: skip


def _flat_post() -> Shape:
    return {
        "@author": None, "author_flair_css_class": None, "author_flair_text": None, "brand_safe": True,
        "contest_mode": False, "created_utc": "<<created>>", "distinguished": None, "domain": "<domain>", **_RAW,
        "gilded": 0, "hidden": False, "id": "<id>", "is_self": "<<is_self>>", "link_flair_css_class": None,
        "link_flair_text": "<<flair>>", "locked": False, "@media": None, "num_comments": "<<num_comments>>",
        "over_18": "<<over_18>>", "permalink": "/r/<sub>/comments/<id>/<slug>/", "quarantine": False,
        "selftext": "<selftext>", "spoiler": False, "stickied": False, "subreddit": "<sub>",
        "subreddit_id": "<sub_id>", "suggested_sort": None, "thumbnail": "default", "title": "<title>", "url": "<url>",
    }  # fmt: skip


def _wide_post() -> Shape:
    return {
        "all_awardings": [], "allow_live_comments": False, "archived": False, **_flat_post(),
        "author_patreon_flair": False, "author_premium": False, "awarders": [], "can_mod_post": False,
        "category": None, "content_categories": None, "gildings": {}, "is_crosspostable": True, "is_meta": False,
        "is_original_content": False, "is_reddit_media_domain": "<<is_media>>", "is_robot_indexable": "<<indexable>>",
        "is_video": "<<is_video>>", "link_flair_background_color": "", "link_flair_richtext": [],
        "link_flair_text_color": "dark", "link_flair_type": "text", "no_follow": False, "num_crossposts": 0,
        "parent_whitelist_status": "all_ads", "pinned": False, "pwls": 6, "removed_by_category": "<<removed_by>>",
        "send_replies": True, "subreddit_name_prefixed": "r/<sub>", "subreddit_subscribers": "<<subscribers>>",
        "subreddit_type": "public", "total_awards_received": 0, "treatment_tags": [], "upvote_ratio": "<<ratio>>",
        "url_overridden_by_dest": "<url>", "whitelist_status": "all_ads", "wls": 6,
    }  # fmt: skip


def _arctic_post() -> Shape:
    return {
        "_meta": {"retrieved_2nd_on": "<<retrieved_2nd_on>>"}, **_wide_post(), "approved_by": None, "clicked": False,
        "created": "<<created_float>>", "created_utc": "<<created_float>>", "downs": 0, "hide_score": False,
        "likes": None, "mod_note": None, "name": "t3_<id>", "num_reports": 0, "saved": False, "top_awarded_type": None,
        "ups": "<<score>>", "user_reports": [], "view_count": None, "visited": False,
    }  # fmt: skip


@cache
def comment_template(era: str) -> Template:
    """How a comment looks in dumps of that era."""
    shapes = {OLD: _old_comment, FLAT: _flat_comment, WIDE: _wide_comment, ARCTIC: _arctic_comment}
    return Template(shapes[era](), spaced=era == ARCTIC)


@cache
def post_template(era: str) -> Template:
    """How a submission looks in dumps of that era."""
    shapes = {OLD: _old_post, FLAT: _flat_post, WIDE: _wide_post, ARCTIC: _arctic_post}
    return Template(shapes[era](), spaced=era == ARCTIC)
