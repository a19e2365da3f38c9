"""Errors cross process borders whole and print as one line."""

from __future__ import annotations

import pickle

import pytest

from schemas import errors
from schemas.errors import PostlakeError, UserError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PostlakeError)]


@pytest.mark.parametrize("kind", KINDS)
def test_pickle_keeps_kind_and_fields(kind: type[PostlakeError]) -> None:
    error = kind("no such column", where="lake/posts", field="likes", expected="int64", got="string")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert vars(again) == vars(error)
    assert str(again) == str(error) == "lake/posts: no such column (field likes, expected int64, got string)"


@pytest.mark.parametrize("kind", KINDS)
def test_exit_code_tells_the_users_errors_from_ours(kind: type[PostlakeError]) -> None:
    assert kind("x").exit_code == (2 if issubclass(kind, UserError) else 1)


def test_message_is_one_line_and_leaves_out_what_is_not_known() -> None:
    assert str(PostlakeError("two\nlines", got="a\n  b")) == "two lines (got a b)"
    assert str(PostlakeError("alone")) == "alone"
