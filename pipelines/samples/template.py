"""The wording of a sample: a TOML file under `templates/` as a frozen model; used by `render` and the recipe."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from schemas.errors import ConfigError


class _Wording(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UserWording(_Wording):
    """What the user says: what is known, then one question per kind of answer."""

    title: str
    transcript: str
    opening: str
    description: str
    percent: str
    score: str
    likes: str
    ratio: str
    comments: str
    replay: str


class AssistantWording(_Wording):
    """What the assistant answers."""

    scene: str
    separator: str
    percent: str
    score: str
    likes: str
    ratio: str
    comments: str
    comment_number: str
    comment: str
    replay: str
    replay_scene: str


class Template(_Wording):
    """A template, whole: its words are part of the recipe's fingerprint, not its name alone."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    system: str
    user: UserWording
    assistant: AssistantWording


def load_template(name: str) -> Template:
    """The template of that name; ConfigError where there is none or its file does not fit."""
    folder = files("pipelines.samples") / "templates"
    known = sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    if name not in known:
        raise ConfigError("unknown template", where="samples", field="template", expected=", ".join(known), got=name)
    try:
        return Template.model_validate(tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError("a template does not fit", where=f"{name}.toml", field=field, got=first["msg"]) from error


def _by_name(value: Any) -> Any:
    return load_template(value) if isinstance(value, str) else value


NamedTemplate = Annotated[Template, BeforeValidator(_by_name)]
"""A template given by its name, as in a configuration, or whole, as in a manifest."""


def fill(wording: str, **values: object) -> str:
    """The wording with `{name}` replaced by its value; values are never read as wording."""
    return re.sub(r"\{([a-z_]+)\}", lambda found: str(values[found.group(1)]), wording)
