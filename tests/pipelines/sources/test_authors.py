"""Tokens, kinds and buckets of authors."""

from __future__ import annotations

import hashlib
import hmac

import pyarrow as pa
import pytest
from pydantic import ValidationError

from pipelines.sources import Reddit
from pipelines.sources.authors import BOT_PATTERNS, LISTED_BOTS, Accounts, author_key, bucket, token, tokens


@pytest.mark.parametrize("key", [b"short", b"x" * 64, b"longer than a block of the hash" * 5])
def test_tokens_are_hmac_sha256(key: bytes) -> None:
    whos = ["reddit:t2_a", None, "reddit:name", "reddit:t2_a"]
    got = tokens(key, pa.array(whos)).to_pylist()
    assert got == [None if w is None else hmac.new(key, w.encode(), hashlib.sha256).hexdigest() for w in whos]
    assert got[0] == token(key, whos[0])


def test_the_id_goes_before_the_name_and_deleted_is_nobody() -> None:
    assert author_key("reddit", "t2_a", "name") == "reddit:t2_a"
    assert author_key("reddit", None, "name") == "reddit:name"
    assert author_key("reddit", "t2_a", "[deleted]") is None
    assert author_key("reddit", None, None) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("AutoModerator", "listed_bot"),
        ("automoderator", "listed_bot"),
        ("@RemindMeBot", "listed_bot"),
        ("SomeNewBot", "bot_name"),
        ("weather-bot", "bot_name"),
        ("bot_of_things", "bot_name"),
        ("FixerBot2", "bot_name"),
        ("Talbot", "person"),
        ("robot", "person"),
        ("i_robotics", "person"),
        ("[deleted]", "deleted"),
        ("", None),
        (None, None),
    ],
)
def test_kinds(name: str | None, kind: str | None) -> None:
    accounts = Accounts(LISTED_BOTS, BOT_PATTERNS)
    assert accounts.kinds(pa.array([name, "x", name], pa.string())).to_pylist() == [kind, "person", kind]


def test_buckets_have_ten_bits_and_need_no_key() -> None:
    found = {bucket(f"reddit:{n}") for n in range(20_000)}
    assert found == set(range(1024))
    assert bucket("reddit:t2_a") == int(hashlib.sha256(b"reddit:t2_a").hexdigest()[:3], 16) >> 2
    assert bucket(None) is None


def test_a_pattern_that_does_not_compile_is_refused() -> None:
    with pytest.raises(ValidationError, match="not an RE2 expression"):
        Reddit(bot_patterns=("(",))
