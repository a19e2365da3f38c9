"""Every rule rejects what it names and nothing else."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.comments.rules import Authors, Length, Removed, Wordless
from pipelines.step import REASON, Step


def reasons(step: Step, texts: list[str | None], kinds: list[str | None] | None = None) -> list[str | None]:
    kinds = kinds or [None] * len(texts)
    table = pa.table({"text": pa.array(texts, pa.string()), "author_kind": pa.array(kinds, pa.string())})
    return step(table)[REASON].to_pylist()  # type: ignore[operator]


def test_removed() -> None:
    texts = [None, "", " \n", "[deleted]", " [removed] ", "deleted", "it says [removed] here"]
    assert reasons(Removed(), texts) == ["removed"] * 5 + [None, None]


def test_authors() -> None:
    kinds = [None, "person", "deleted", "listed_bot", "bot_name"]
    assert reasons(Authors(), ["t"] * 5, kinds) == [None, None, "deleted", "bot", "bot"]
    assert reasons(Authors(deleted=False, bots=("listed_bot",)), ["t"] * 5, kinds) == [None, None, None, "bot", None]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://example.org/a_b?c=d", "links_only"),
        ("www.example.org 😍", "links_only"),
        ("[](http://example.org/cat)", "links_only"),
        ("😍 👨‍👩‍👧", "emoji_only"),
        ("...!?", "emoji_only"),
        ("lol", None),
        ("1", None),
        ("как", None),
        ("look https://example.org", None),
        ("[cat](https://example.org)", None),
    ],
)
def test_wordless(text: str, reason: str | None) -> None:
    assert reasons(Wordless(), [text]) == [reason]


@pytest.mark.parametrize(
    ("text", "num_words"),
    [
        ("", 0),
        ("so cute", 2),
        ("so cute 😍 !!", 2),
        ("I don't know", 3),
        ("well-known fact", 2),
        ("look here http://example.org/a/b/c", 2),
        ("とても可愛い", 6),
        ("สวัสดี", 4),
        ("안녕하세요 여러분 반가워요", 3),
        ("مرحبا بك يا", 3),
        ("a\x00b c", 2),
    ],
)
def test_words_are_counted_in_every_script(text: str, num_words: int) -> None:
    exact = Length(min_words=num_words, max_words=max(num_words, 1))
    assert reasons(exact, [text]) == [None]
    assert reasons(Length(min_words=num_words + 1), [text]) == ["too_short"]


def test_long_comments() -> None:
    texts: list[str | None] = ["w " * 100, "w " * 101, "w " * 10_000]
    assert reasons(Length(), texts) == [None, "too_long", "too_long"]
    assert reasons(Length(max_words=None), texts) == [None] * 3
