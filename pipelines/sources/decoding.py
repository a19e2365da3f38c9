"""Decoding JSON lines with msgspec, failure by failure, and saying what was wrong. Used by the sources."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

Record = TypeVar("Record")

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that a decoder raises for bad input; msgspec.ValidationError is a DecodeError."""

_VALIDATION = re.compile(r"Expected `(?P<expected>.+?)`(?:, got `(?P<got>.+?)`)?(?: - at `\$\.?(?P<field>.*)`)?$")


def explain(error: Exception) -> str:
    """The error of a decoder as `field: expected, got`."""
    if isinstance(error, UnicodeDecodeError):
        return "record: expected UTF-8, got other bytes"
    if isinstance(error, RecursionError):
        return "record: expected JSON, got thousands of nested arrays or objects"
    text = str(error)
    if isinstance(error, msgspec.ValidationError) and (match := _VALIDATION.match(text)):
        expected = match["expected"].replace(" | ", " or ")
        return f"{match['field'] or 'record'}: expected {expected}, got {match['got'] or 'another value'}"
    reason, _, path = text.partition(" - at `$")
    return f"{path.strip('.`') or 'record'}: expected JSON, got: {reason}"


def decode_all(decoder: msgspec.json.Decoder[Record], lines: list[bytes]) -> list[Record | None]:
    """Each line decoded; None where that fails."""
    records: list[Record | None] = []
    source = iter(lines)
    while len(records) < len(lines):
        try:
            # What was decoded before the failure is kept by extend, so the failed line is the next one.
            records.extend(map(decoder.decode, source))
        except DECODE_ERRORS:
            records.append(None)
    return records
