"""The normalised text under which copies compare equal."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest

from pipelines.dedup.text_key import num_words, text_key


def key(title: str | None, text: str | None = None) -> str | None:
    frame = pl.DataFrame({"title": [title], "text": [text]}, schema={"title": pl.String, "text": pl.String})
    return frame.select(text_key(pl.col("title"), pl.col("text"))).item()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello  World", "hello\tworld\n"),
        ("ﬁne", "fine"),
        ("STRASSE", "straße"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("\u202eabc\u202c", "abc"),
        ("nul\x00byte", "nul byte"),
        ("e\u0301te", "éte"),
        ("ＦＵＬＬ width", "full width"),
    ],
)
def test_spellings_of_one_text_are_equal(one: str, other: str) -> None:
    assert key(one) == key(other) is not None


@pytest.mark.parametrize("text", [None, "", " \t\n", "\u200b\ufeff", "\x00"])
def test_empty_text_is_no_evidence(text: str | None) -> None:
    assert key(text, text) is None


def test_title_and_text_are_both_compared() -> None:
    assert key("a", "b") == "a b"
    assert key("a", None) == key(None, "a") == "a"
    assert key("same title", "one") != key("same title", "two")


def test_folding_is_that_of_unicode() -> None:
    """Up to U+10FF and in Latin Extended Additional; beyond lie historic variants that only full folding unites."""
    letters = [chr(c) for c in (*range(0x1100), *range(0x1E00, 0x1F00)) if chr(c).isalpha() and c != 0x37A]
    keys = pl.DataFrame({"t": letters}).select(text_key(pl.col("t"), pl.lit(None, pl.String))).to_series().to_list()
    nfkc = unicodedata.normalize
    expected = [nfkc("NFKC", nfkc("NFKC", c).casefold()) for c in letters]
    assert [(c, k) for c, k, e in zip(letters, keys, expected, strict=True) if nfkc("NFKC", k) != e] == []


def test_words_are_counted() -> None:
    frame = pl.DataFrame({"t": ["a", "a b", "a b c"]})
    assert frame.select(num_words(pl.col("t"))).to_series().to_list() == [1, 2, 3]
