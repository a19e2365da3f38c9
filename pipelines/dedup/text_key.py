"""The normalised text of a post, by which exact copies are told; called by `signatures`."""

from __future__ import annotations

import polars as pl

# Soft hyphen, joiners, directional marks, invisible operators, byte order mark, variation selectors.
_INVISIBLE = (
    r"[\u{AD}\u{34F}\u{61C}\u{180E}\u{200B}-\u{200F}\u{202A}-\u{202E}\u{2060}-\u{206F}\u{FE00}-\u{FE0F}\u{FEFF}]"
)
_SPACE = r"[\s\p{Cc}\p{Z}]+"


def normalise(text: pl.Expr) -> pl.Expr:
    """NFKC, case folded, invisible characters removed, runs of white space and controls as one space; empty is null.

    Folding is lower case plus the two letters whose folded form is another (sharp s, final sigma).
    """
    folded = text.str.normalize("NFKC").str.to_lowercase()
    folded = folded.str.replace_all("ß", "ss", literal=True).str.replace_all("ς", "σ", literal=True)
    spaced = folded.str.replace_all(_INVISIBLE, "").str.replace_all(_SPACE, " ").str.strip_chars(" ")
    return spaced.replace("", None)


def text_key(title: pl.Expr, text: pl.Expr) -> pl.Expr:
    """The normalised title and text of a post as one string; null where both are empty."""
    return normalise(pl.concat_str(title, text, separator="\n", ignore_nulls=True))


def num_words(normalised: pl.Expr) -> pl.Expr:
    """Words of a normalised text, which one space parts."""
    return normalised.str.count_matches(" ", literal=True) + 1
