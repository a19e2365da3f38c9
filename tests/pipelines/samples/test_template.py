"""Templates are data: read from their file, part of the fingerprint, and never confused by what is filled in."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipelines.recipe import Recipe, SamplesRecipe
from pipelines.samples.template import fill, load_template
from schemas.errors import ConfigError


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(ConfigError, match=r"unknown template .*expected blift_v1, got blift_v9"):
        load_template("blift_v9")


def test_values_are_not_read_as_wording() -> None:
    assert fill('{a} "{b}"', a="{b} {c}", b="{0} \\1") == '{b} {c} "{0} \\1"'
    with pytest.raises(KeyError):
        fill("{missing}")


def test_the_fingerprint_holds_the_words_and_gives_the_recipe_back() -> None:
    recipe = Recipe()
    dumped = recipe.model_dump(mode="json")
    assert dumped["samples"]["template"]["assistant"]["separator"] == ">>> BEHAVIOR <<<"
    assert Recipe.model_validate(dumped) == recipe
    named = {"samples": {"template": "blift_v1", "pictures": {"required": False}}, "clean": {"ranking": {"keep": 3}}}
    assert Recipe.model_validate(named).samples.template == recipe.samples.template


@pytest.mark.parametrize("section", ["dedup", "clean", "samples"])
def test_an_unknown_setting_is_an_error(section: str) -> None:
    with pytest.raises(ValidationError, match="no_such_step"):
        Recipe.model_validate({section: {"no_such_step": {}}})


def test_steps_are_the_fields_in_their_order() -> None:
    recipe = SamplesRecipe()
    fields = list(SamplesRecipe.model_fields)
    assert recipe.steps() == [getattr(recipe, name) for name in fields[: len(recipe.steps())]]
    assert fields[len(recipe.steps())] == "split"
