"""Loose JSON scalars as exact column values. Used by every source.

`integer`, `epoch`, ... judge one value and raise RecordError; `integers`, `epochs`, ... judge a column: the fast way
where all its values have one plain type, else value by value through the same functions, so both ways agree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.tables import RecordError, Words
from schemas.table import TIMESTAMP

Scalar = int | float | str | bool | None
Errors = dict[int, str]
"""Row of a batch -> what is wrong with it; the first field that is wrong wins."""

INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1
# 0001-01-01 and 9999-12-31T23:59:59 in seconds: what a Python or SQL timestamp can hold.
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
# Below this many seconds (year 2255) microseconds are exact in a float64.
EXACT_SECONDS = 9.0e9

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,3})?")
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)? ?(Z|z|UTC|[+-]\d\d:?\d\d)?", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def integer(value: Any, field: str) -> int | None:
    """A 64-bit integer from an int, a whole float or a numeric string; null and "" are None."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = int(value)
    elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RecordError(field, "an integer", value)
    if not INT64_MIN <= value <= INT64_MAX:
        raise RecordError(field, "a 64-bit integer", value)
    return value


def count(value: Any, field: str) -> int | None:
    """An `integer` that is not negative."""
    number = integer(value, field)
    if number is not None and number < 0:
        raise RecordError(field, "a count of 0 or more", number)
    return number


def real(value: Any, field: str) -> float | None:
    """A finite float from a number or a numeric string."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RecordError(field, "a number", value)
    if (isinstance(value, int) and value.bit_length() > 64) or not math.isfinite(value):
        raise RecordError(field, "a finite number", value)
    return float(value)


def boolean(value: Any, field: str) -> bool | None:
    """A boolean, or 0, 1, "true", "false" in its place."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | str) and str(value).lower() in {"0", "false"}:
        return False
    if isinstance(value, int | str) and str(value).lower() in {"1", "true"}:
        return True
    raise RecordError(field, "a boolean", value)


def string(value: Any, field: str) -> str | None:
    """A string that UTF-8 can hold (no lone surrogate)."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise RecordError(field, "a string", value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise RecordError(field, "a Unicode string", Words("a lone surrogate")) from None
    return value


def epoch(value: Any, field: str) -> int | None:
    """Microseconds since 1970 from epoch seconds (int, float or numeric string), within years 1 to 9999."""
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = int(value)
    elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RecordError(field, "epoch seconds", value)
    if not FIRST_SECOND <= value <= LAST_SECOND:
        raise RecordError(field, "a time within years 1 to 9999", value)
    return value * 1_000_000 if isinstance(value, int) else int(np.rint(value * 1e6))


def instant(value: Any, field: str) -> int | None:
    """Microseconds since 1970 from epoch seconds or RFC 3339; a space for its T and no zone (then UTC) are let pass."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value.strip()):
        return epoch(value, field)
    if value == "":
        return None
    if (match := _RFC3339.fullmatch(value.strip())) is None:
        raise RecordError(field, "an RFC 3339 time or epoch seconds", value)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    sign = zone if zone and zone[0] in "+-" else "+00:00"
    offset = (int(sign[1:3]) * 60 + int(sign[-2:])) * (-1 if sign[0] == "-" else 1)
    try:
        # A leap second counts as the last second of its minute, as everywhere.
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC
        )
    except ValueError:
        raise RecordError(field, "a time that exists", value) from None
    seconds = int((moment - _EPOCH).total_seconds()) - offset * 60
    if not FIRST_SECOND <= seconds <= LAST_SECOND:
        raise RecordError(field, "a time within years 1 to 9999", value)
    return seconds * 1_000_000 + int((fraction or "0")[:6].ljust(6, "0"))


def micros(moment: datetime | None) -> int | None:
    """Microseconds since 1970 of an aware datetime."""
    if moment is None:
        return None
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def integers(values: Sequence[Scalar], field: str, errors: Errors) -> pa.Array:
    """`integer` of each value."""
    if set(map(type, values)) <= {int, type(None)}:
        try:
            return pa.array(values, pa.int64())
        except OverflowError:
            pass  # the slow way below names the row
    return _each(values, field, errors, integer, pa.int64())


def booleans(values: Sequence[Scalar], field: str, errors: Errors) -> pa.Array:
    """`boolean` of each value."""
    if set(map(type, values)) <= {bool, type(None)}:
        return pa.array(values, pa.bool_())
    return _each(values, field, errors, boolean, pa.bool_())


def epochs(values: Sequence[Scalar], field: str, errors: Errors) -> pa.Array:
    """`epoch` of each value, as timestamps."""
    kinds = set(map(type, values))
    if kinds <= {int, float, type(None)}:
        fast = _exact_epochs(values, whole=float not in kinds)
        if fast is not None:
            return fast
    return _each(values, field, errors, epoch, pa.int64()).cast(TIMESTAMP)


def _exact_epochs(values: Sequence[Scalar], *, whole: bool) -> pa.Array | None:
    try:
        numbers = pa.array(values, pa.int64() if whole else pa.float64())
    except (OverflowError, pa.ArrowInvalid):
        return None
    bounds = pc.min_max(numbers).as_py()
    low, high = bounds["min"], bounds["max"]
    if low is None:
        return pa.nulls(len(numbers), TIMESTAMP)
    # NaN hides in min_max, so it is looked for.
    if not (low > -EXACT_SECONDS and high < EXACT_SECONDS) or (not whole and pc.any(pc.is_nan(numbers)).as_py()):
        return None
    if whole:
        return pc.multiply(numbers, 1_000_000).cast(TIMESTAMP)
    return pc.round(pc.multiply(numbers, 1e6), round_mode="half_to_even").cast(pa.int64()).cast(TIMESTAMP)


def strings(values: Sequence[str | None]) -> pa.Array:
    """Strings that the JSON decoder made, hence valid."""
    return pa.array(values, pa.string())


def _each(
    values: Sequence[Scalar], field: str, errors: Errors, convert: Callable[[Any, str], Any], kind: pa.DataType
) -> pa.Array:
    converted = []
    for row, value in enumerate(values):
        try:
            converted.append(convert(value, field))
        except RecordError as error:
            converted.append(None)
            errors.setdefault(row, str(error))
    return pa.array(converted, kind)
