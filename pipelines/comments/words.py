"""What a word, a link and a wordless text are, as Polars expressions; used by the rules and by language detection."""

from __future__ import annotations

import polars as pl

# Scripts written without spaces: each letter of theirs counts as a word.
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}&&\p{L}]"
_LINK = r"(?i)(?:\bhttps?://|\bwww\.)[^\s\]\)>]+"
# A Markdown link without words of its own, `[](address)`, leaves only brackets.
_WORD = rf"{_UNSPACED}|[^\s{_UNSPACED}]*[\p{{L}}\p{{N}}--{_UNSPACED}][^\s{_UNSPACED}]*"


def without_links(text: pl.Expr) -> pl.Expr:
    """The text with every web address taken out."""
    return text.str.replace_all(_LINK, " ")


def has_link(text: pl.Expr) -> pl.Expr:
    """Whether a web address stands in the text."""
    return text.str.contains(_LINK)


def has_word(text: pl.Expr) -> pl.Expr:
    """Whether a letter or a digit of any script stands in the text."""
    return text.str.contains(r"[\p{L}\p{N}]")


def num_words(text: pl.Expr) -> pl.Expr:
    """Pieces between white space that hold a letter or digit; a letter of a script without spaces is a word."""
    return text.str.count_matches(_WORD)


def num_letters(text: pl.Expr) -> pl.Expr:
    """Letters of any script."""
    return text.str.count_matches(r"\p{L}")
