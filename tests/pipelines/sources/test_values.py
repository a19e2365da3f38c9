"""Scalars: what each accepts, and that a column gives what its values give one by one."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import values
from pipelines.sources.tables import RecordError

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 4_000_000_000),
    st.integers(),
    st.floats(),
    st.floats(0, 2e9).map(lambda x: float(int(x))),
    st.sampled_from(
        ["", "12", "-3", "1.5", "1e3", "x", "true", "0", "nan", "99999999999999999999", "٣", "1_000", " 7 "]
    ),
)
COLUMNS = st.one_of(
    st.lists(SCALARS, max_size=6),
    st.lists(st.one_of(st.none(), st.integers(-(2**62), 2**62)), max_size=6),
    st.lists(st.one_of(st.none(), st.floats(-1e10, 1e10), st.integers(-(2**60), 2**60)), max_size=6),
    st.lists(st.one_of(st.none(), st.booleans()), max_size=6),
)


@pytest.mark.parametrize(
    ("column", "single"),
    [(values.integers, values.integer), (values.epochs, values.epoch), (values.booleans, values.boolean)],
)
@given(column_values=COLUMNS)
@settings(max_examples=300, deadline=None)
def test_a_column_is_its_values(column: Any, single: Any, column_values: list[Any]) -> None:
    errors: values.Errors = {}
    got = column(column_values, "f", errors)
    expected_errors = {}
    expected = []
    for row, value in enumerate(column_values):
        try:
            expected.append(single(value, "f"))
        except RecordError as error:
            expected.append(None)
            expected_errors[row] = str(error)
    plain = got.cast("int64").to_pylist() if column is values.epochs else got.to_pylist()
    assert plain == expected
    assert errors == expected_errors


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, "9223372036854775808", 1e19])
def test_beyond_int64_is_refused_not_wrapped(value: Any) -> None:
    with pytest.raises(RecordError, match="f: expected a 64-bit integer, got"):
        values.integer(value, "f")


@pytest.mark.parametrize("value", [True, 1.5, math.nan, math.inf, "1.5", "abc", {"a": 1}, [1], "1_0", "٣"])
def test_not_an_integer(value: Any) -> None:
    with pytest.raises(RecordError, match="f: expected an integer, got"):
        values.integer(value, "f")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, "1e300", 253_402_300_800, -62_135_596_801])
def test_times_outside_the_calendar(value: Any) -> None:
    with pytest.raises(RecordError, match="time within years 1 to 9999"):
        values.epoch(value, "f")


def micros(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-25T20:54:16Z", micros(2025, 3, 25, 20, 54, 16)),
        ("2025-03-25 20:54:16+00:00", micros(2025, 3, 25, 20, 54, 16)),
        ("2025-03-25T20:54:16.25+05:30", micros(2025, 3, 25, 15, 24, 16) + 250_000),
        ("2019-06-23T02:49:00.000Z", micros(2019, 6, 23, 2, 49)),
        ("2016-12-31T23:59:60Z", micros(2016, 12, 31, 23, 59, 59)),
        ("2017-09-13T00:00Z", micros(2017, 9, 13)),
        ("1251763200", 1_251_763_200_000_000),
        (1604761946.5, 1_604_761_946_500_000),
        ("", None),
        (None, None),
    ],
)
def test_instants(text: Any, expected: int | None) -> None:
    assert values.instant(text, "f") == expected


@pytest.mark.parametrize(
    "text", ["2025-02-30T00:00:00Z", "yesterday", "2025-13-01T00:00Z", "0001-01-01T00:00:00+05:00"]
)
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(RecordError, match=r"^f: expected"):
        values.instant(text, "f")


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(RecordError, match="f: expected a Unicode string"):
        values.string("a\ud800", "f")
