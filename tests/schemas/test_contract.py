"""Fitting tables to a contract, and reading what an older schema wrote."""

from __future__ import annotations

import pyarrow as pa
import pytest

from schemas.contract import check_readable, conform
from schemas.errors import ContractError
from schemas.table import Table, column

PAIR = pa.struct([pa.field("a", pa.int32()), pa.field("b", pa.string())])
CONTRACT = Table(
    name="things",
    version=1,
    meaning="A thing.",
    key=("id",),
    bucket_by="id",
    columns=(
        column("id", pa.string(), "Its id.", nullable=False),
        column("n", pa.int32(), "How many."),
        column("pairs", pa.list_(PAIR), "Pairs."),
    ),
)


def test_conform_orders_casts_and_fills() -> None:
    fitted = conform(pa.table({"n": pa.array([1, None], pa.int64()), "id": ["x", "y"]}), CONTRACT)
    assert fitted.schema.equals(CONTRACT.schema, check_metadata=True)
    assert fitted.to_pylist() == [{"id": "x", "n": 1, "pairs": None}, {"id": "y", "n": None, "pairs": None}]


def test_conform_takes_a_column_of_type_null_and_an_empty_table() -> None:
    fitted = conform(pa.table({"id": ["x"], "pairs": pa.nulls(1)}), CONTRACT)
    assert fitted["pairs"].type == pa.list_(PAIR)
    assert conform(pa.table({"id": pa.array([], pa.string())}), CONTRACT.schema).num_rows == 0


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        ({"id": ["x"], "m": [1]}, "m", "unknown column"),
        ({"n": [1]}, "id", "missing column"),
        ({"id": ["x"], "n": [2**31]}, "n", "wrong type"),
        ({"id": ["x"], "n": [1.5]}, "n", "wrong type"),
        ({"id": ["x"], "n": ["seven"]}, "n", "wrong type"),
        ({"id": ["x"], "n": [[1]]}, "n", "wrong type"),
        ({"id": ["x"], "pairs": [[{"a": 2**40, "b": ""}]]}, "pairs", "wrong type"),
        ({"id": ["x", None]}, "id", "null"),
    ],
)
def test_conform_names_the_column_that_does_not_fit(data: dict[str, list[object]], field: str, words: str) -> None:
    with pytest.raises(ContractError, match=words) as raised:
        conform(pa.table(data), CONTRACT, where="part 3")
    assert (raised.value.field, raised.value.where) == (field, "part 3")
    assert str(raised.value).startswith("part 3: ")


def test_an_int64_beyond_float_precision_survives() -> None:
    wide = pa.schema([pa.field("n", pa.int64())])
    number = 2**53 + 1
    assert conform(pa.table({"n": pa.array([number, None], pa.int64())}), wide)["n"].to_pylist() == [number, None]


def _old(**changes: pa.Field | None) -> pa.Schema:
    fields = {field.name: field for field in CONTRACT.columns} | changes
    return pa.schema([field for field in fields.values() if field is not None])


@pytest.mark.parametrize(
    "old",
    [
        _old(),
        _old(n=None),
        _old(pairs=None),
        _old(n=pa.field("n", pa.int16())),
        _old(n=pa.field("n", pa.int32(), nullable=False)),
        _old(pairs=pa.field("pairs", pa.list_(pa.struct([pa.field("a", pa.int8())])))),
        _old(n=pa.field("n", pa.int32(), metadata={"description": "Other words."})),
    ],
)
def test_compatible_older_schemas_are_read(old: pa.Schema) -> None:
    check_readable(old, CONTRACT)
    arrays = [pa.array(["x"]) if f.name == "id" else pa.nulls(1, f.type) for f in old if f.nullable or f.name == "id"]
    names = [f.name for f in old if f.nullable or f.name == "id"]
    assert conform(pa.table(arrays, names=names), CONTRACT).num_rows == 1


@pytest.mark.parametrize(
    ("old", "field"),
    [
        (_old(n=pa.field("n", pa.int64())), "n"),
        (_old(n=pa.field("n", pa.uint32())), "n"),
        (_old(n=pa.field("n", pa.float64())), "n"),
        (_old(n=pa.field("n", pa.string())), "n"),
        (_old(id=None), "id"),
        (_old(id=pa.field("id", pa.string())), "id"),
        (_old(gone=pa.field("gone", pa.string())), "gone"),
        (_old(pairs=pa.field("pairs", pa.list_(pa.struct([pa.field("a", pa.int64())])))), "pairs"),
        (_old(pairs=pa.field("pairs", pa.list_(pa.struct([pa.field("c", pa.int32())])))), "pairs"),
        (_old(pairs=pa.field("pairs", PAIR)), "pairs"),
    ],
)
def test_incompatible_older_schemas_are_refused_by_field(old: pa.Schema, field: str) -> None:
    with pytest.raises(ContractError) as raised:
        check_readable(old, CONTRACT, where="posts@3")
    assert raised.value.field == field
    assert "posts@3" in str(raised.value)


def test_an_unknown_field_inside_a_struct_is_refused_and_not_dropped() -> None:
    media = pa.array([[{"kind": "image", "url": "a.jpg", "alt": "a cat"}]])
    schema = pa.schema([pa.field("media", pa.list_(pa.struct([("kind", pa.string()), ("url", pa.string())])))])
    with pytest.raises(ContractError, match=r"unknown field .*media\.alt"):
        conform(pa.table({"media": media}), schema)
