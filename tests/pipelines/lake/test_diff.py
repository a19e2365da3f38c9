from __future__ import annotations

import pytest

from pipelines import open_lake
from pipelines.lake.commit import create_or_open
from pipelines.lake.diff import diff, open_at
from schemas.errors import LakeError
from schemas.manifest import Input, Manifest
from tests.pipelines.lake.conftest import post, write_table
from tests.ray_jobs.front import postlake


def commit(draft, rows, **fields):
    """The draft's lake with these posts as its latest version; `fields` are the manifest's."""
    made = write_table(draft, "posts", rows)
    draft.update({"posts": Manifest(**{**dict(made), "plan": "posts", **fields})})
    draft.publish("test")
    return open_lake(draft.store.uri)


@pytest.fixture
def pair(tmp_path):
    """Two empty lakes."""
    return [create_or_open(str(tmp_path / name), buckets=4) for name in "ab"]


def given(name: str) -> Input:
    return Input(name=name, source="reddit", size=1, sha256=name * 64)


def test_equal_data_do_not_differ_whatever_made_them(pair):
    rows = [post(i) for i in range(30)]
    one = commit(pair[0], rows, code="1+abc", packages={"pyarrow": "1"})
    two = commit(pair[1], rows[::-1], code="2", packages={"pyarrow": "2"}, inputs=(given("a"),))
    assert diff(one, two) == []


def test_another_input_is_the_cause_and_no_row_is_looked_for(pair):
    one = commit(pair[0], [post(i) for i in range(30)], inputs=(given("a"), given("b")))
    two = commit(pair[1], [post(i) for i in range(31)], inputs=(given("a"), given("c")))
    (found,) = diff(one, two)
    assert found.causes == {"inputs": ([f"reddit:b ({'b' * 12})"], [f"reddit:c ({'c' * 12})"])}
    assert found.counts == {"rows_in": (30, 31), "accepted": (30, 31)}
    assert (found.bucket, found.rows) == (None, [])


def test_another_setting_is_named_by_its_dotted_name(pair):
    rows = [post(i) for i in range(30)]
    one = commit(pair[0], rows, recipe={"ranking": {"keep": 5, "by": "likes"}, "length": {"words": 3}})
    two = commit(pair[1], rows[:9], recipe={"ranking": {"keep": 3, "by": "likes"}, "length": {"words": 3}, "new": 1})
    (found,) = diff(one, two)
    assert found.causes == {"recipe.ranking.keep": (5, 3), "recipe.new": (None, 1)}


def test_without_a_cause_the_first_bucket_and_its_rows_are_shown_with_what_may_explain_them(pair):
    rows = [post(i) for i in range(30)]
    other = [post(i, **({"likes": 99, "text": "changed"} if i in (7, 8) else {})) for i in range(30)]
    one = commit(pair[0], rows, code="1+abc", packages={"pyarrow": "1", "numpy": "2"})
    two = commit(pair[1], other, code="1+def", packages={"pyarrow": "2", "numpy": "2"})
    (found,) = diff(one, two)
    assert found.causes == {}
    assert found.surroundings == {"code": ("1+abc", "1+def"), "pyarrow": ("1", "2")}
    assert found.bucket is not None
    for row in found.rows:
        number = int(row["key"]["post_id"].removeprefix("reddit:"), 16)
        assert number in (7, 8)
        assert row["columns"] == {"likes": (number, 99), "text": (None, "changed")}
    assert found.rows


def test_a_row_too_many_is_shown_by_its_key(pair):
    rows = [post(i) for i in range(30)]
    one, two = commit(pair[0], rows), commit(pair[1], [row for row in rows if row["post_id"] != "reddit:7"])
    for a, b in ((one, two), (two, one)):
        (found,) = diff(a, b)
        keys = [key for row in found.rows for key in row["columns"]["row"]]
        assert {"post_id": "reddit:7"} in keys


def test_a_table_of_one_alone_differs(make_lake):
    one = make_lake(5, name="one")
    two = make_lake(5, name="two", quarantine=[{"table": "posts", "source_file": "f", "offset": 0, "error": "x"}])
    (found,) = diff(one, two)
    assert (found.table, found.digests[0], found.causes) == ("quarantine", None, {})


def test_another_key_explains_other_authors(make_lake):
    one = make_lake(5, name="one", authors=[{"id": "reddit:1", "token": "a" * 64}])
    two = make_lake(5, name="two", authors=[{"id": "reddit:1", "token": "b" * 64}])
    (found,) = diff(one, two)
    assert found.table == "authors"
    assert set(found.causes) == {"key"}


def test_versions_are_named_after_an_at_sign_which_a_path_may_hold_too(make_lake):
    lake = make_lake(5, name="mine@home")
    commit(create_or_open(lake.store.uri), [post(i) for i in range(9)])
    assert [open_at(f"{lake.store.uri}{at}").version.version for at in ("@1", "@2", "")] == [1, 2, 2]
    with pytest.raises(LakeError, match="expected 1 to 2, got 3"):
        open_at(f"{lake.store.uri}@3")


def test_the_command_ends_with_3_on_a_difference_and_0_without(make_lake):
    lake = make_lake(5)
    commit(create_or_open(lake.store.uri), [post(i, likes=1) for i in range(5)])
    same = postlake("diff", f"{lake.store.uri}@1", f"{lake.store.uri}@1", "--json")
    assert same.value["same"] is True
    other = postlake("diff", f"{lake.store.uri}@1", lake.store.uri, "--json", ok=False)
    assert (other.code, other.value["tables"][0]["table"]) == (3, "posts")
    assert other.value["tables"][0]["rows"][0]["columns"]["likes"]
    shown = postlake("diff", f"{lake.store.uri}@1", lake.store.uri, ok=False)
    assert shown.code == 3
    assert "posts: " in shown.out
    assert "likes: " in shown.out
