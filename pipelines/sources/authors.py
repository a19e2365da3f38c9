"""What is kept of an author: a keyed token, what kind of account it is, and an unkeyed bucket. Used by every source."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

DELETED_NAMES = frozenset({"[deleted]", "[removed]"})
_DELETED = pa.array(sorted(DELETED_NAMES))
BUCKET_BITS = 10

BOT_PATTERNS = (
    r"[a-z0-9]Bot(?:[-_]?\d+)?$",
    r"(?i)(?:^|[-_])bot(?:[-_]|\d*$)",
    r"(?i)^auto[-_]?mod(?:erator)?(?:[-_]|$)",
)
"""RE2 expressions for names that say bot themselves:
CamelCase `...Bot`, a part `bot` between dashes. `robot` and `Talbot` are people."""

LISTED_BOTS = (
    "AutoModerator",
    "AmputatorBot",
    "autowikibot",
    "B0tRank",
    "ClickableLinkBot",
    "CommonMisspellingBot",
    "gifv-bot",
    "GoodBot_BadBot",
    "haikusbot",
    "HelperBot_",
    "image_linker_bot",
    "imgurtranscriber",
    "LocationBot",
    "MAGIC_EYE_BOT",
    "MassDropBot",
    "RemindMeBot",
    "RepostSleuthBot",
    "SaveVideo",
    "savevideobot",
    "sneakpeekbot",
    "stabbot",
    "tldrtotd",
    "totes_meta_bot",
    "TotesMessenger",
    "TrollaBot",
    "transcribot",
    "tweettranscriberbot",
    "TweetsInCommentsBot",
    "user_simulator",
    "vredditdownloader",
    "WikiSummarizerBot",
    "WikiTextBot",
    "youtubefactsbot",
)
"""Well-known service accounts of Reddit; they are programs, not people."""


def author_key(platform: str, author_id: str | None, name: str | None) -> str | None:
    """What a token is taken of: `<platform>:<author id, else name>`; None for a deleted or absent author."""
    if name in DELETED_NAMES:
        return None
    who = author_id or name
    return f"{platform}:{who}" if who else None


def bucket_key(platform: str, author_id: str | None, name: str | None) -> str | None:
    """What a bucket is taken of: `<platform>:<name in lower case, else author id>`; None as for `author_key`.

    The name goes first, for old dumps have no ids, and a person must have the same bucket in them and in new ones.
    """
    if name in DELETED_NAMES:
        return None
    who = name.lower() if name else author_id
    return f"{platform}:{who}" if who else None


def token(key: bytes, who: str | None) -> str | None:
    """HMAC-SHA256 of an `author_key`, in hex."""
    return None if who is None else hmac.digest(key, who.encode(), "sha256").hex()


def bucket(who: str | None) -> int | None:
    """The first 10 bits of the plain SHA-256 of a `bucket_key`: a split by author that needs no key."""
    if who is None:
        return None
    return int.from_bytes(hashlib.sha256(who.encode()).digest()[:2], "big") >> (16 - BUCKET_BITS)


class Accounts:
    """Tells kinds of accounts by name. Made once per read from the source's configuration."""

    def __init__(self, listed: Sequence[str], patterns: Sequence[str]) -> None:
        self._listed = pa.array(sorted({name.lower() for name in listed}), pa.string())
        self._patterns = tuple(patterns)

    def kinds(self, names: pa.Array) -> pa.Array:
        """person, deleted, listed_bot or bot_name of each name; null where no author is given."""
        encoded = pc.dictionary_encode(names)
        return pc.take(self._distinct(encoded.dictionary), encoded.indices)

    def _distinct(self, names: pa.Array) -> pa.Array:
        bare = pc.replace_substring_regex(names, "^@", "")
        kinds = pa.repeat(pa.scalar("person"), len(names))
        for pattern in self._patterns:
            kinds = pc.if_else(pc.match_substring_regex(bare, pattern), "bot_name", kinds)
        kinds = pc.if_else(pc.is_in(pc.utf8_lower(bare), self._listed), "listed_bot", kinds)
        kinds = pc.if_else(pc.is_in(names, _DELETED), "deleted", kinds)
        return pc.if_else(pc.equal(names, ""), pa.scalar(None, pa.string()), kinds)


def tokens(key: bytes, whos: pa.Array) -> pa.Array:
    """`token` of each `author_key`; each distinct key is hashed once."""
    encoded = pc.dictionary_encode(whos)
    inner, outer = _hmac_states(key)
    digests = []
    for who in encoded.dictionary.to_pylist():
        first, second = inner.copy(), outer.copy()
        first.update(who.encode())
        second.update(first.digest())
        digests.append(second.hexdigest())
    return pc.take(pa.array(digests, pa.string()), encoded.indices)


def _hmac_states(key: bytes) -> tuple[Any, Any]:
    """The two SHA-256 states of RFC 2104 after the padded key: copying them halves the cost of `hmac.digest`."""
    padded = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return hashlib.sha256(bytes(b ^ 0x36 for b in padded)), hashlib.sha256(bytes(b ^ 0x5C for b in padded))
