"""What every table's contract must hold, and what a table's identity depends on."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from schemas import TABLES
from schemas.table import TIMESTAMP, Table, column

SMALL = Table(
    name="small",
    version=1,
    meaning="A test.",
    key=("id",),
    bucket_by="id",
    columns=(column("id", pa.string(), "Its id.", nullable=False), column("n", pa.int32(), "How many.", unit="B")),
)


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_contract_is_complete(table: Table) -> None:
    names = [field.name for field in table.columns]
    assert len(names) == len(set(names))
    assert set(table.key) <= set(names)
    assert table.bucket_by in names
    assert table.time is None or table.schema.field(table.time).type == TIMESTAMP
    assert all(not table.schema.field(name).nullable for name in table.key if name != "token")
    assert table.meaning.endswith(".")
    assert all((field.metadata or {}).get(b"description", b"").endswith(b".") for field in table.columns)
    assert TABLES[table.name] is table


def test_schema_carries_name_version_and_meaning() -> None:
    assert SMALL.schema.metadata == {b"table": b"small", b"schema_version": b"1"}
    assert SMALL.schema.field("n").metadata == {b"description": b"How many.", b"unit": b"B"}
    assert SMALL.rejected_schema.names == ["id", "n", "reject_step", "reject_reason"]


def test_describe_gives_json_values() -> None:
    assert SMALL.describe()["columns"][1] == {
        "name": "n",
        "type": "int32",
        "nullable": True,
        "description": "How many.",
        "unit": "B",
    }


def test_fingerprint_ignores_words_and_follows_shape() -> None:
    reworded = replace(
        SMALL,
        meaning="Other words.",
        columns=(column("id", pa.string(), "Else.", nullable=False), column("n", pa.int32(), "Else.")),
    )
    assert reworded.fingerprint == SMALL.fingerprint
    others = [
        replace(SMALL, version=2),
        replace(SMALL, bucket_by="n"),
        replace(SMALL, key=("id", "n")),
        replace(SMALL, columns=SMALL.columns[::-1]),
        replace(SMALL, columns=(SMALL.columns[0], column("n", pa.int64(), "How many."))),
        replace(SMALL, columns=(SMALL.columns[0], column("n", pa.int32(), "How many.", nullable=False))),
    ]
    assert len({SMALL.fingerprint, *(other.fingerprint for other in others)}) == 1 + len(others)
