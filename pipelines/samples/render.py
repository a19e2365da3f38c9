"""One sample in the words of a template: the conversation and the pieces of its answer; called by `build`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from pipelines.samples.behaviour import Signal
from pipelines.samples.description import Look
from pipelines.samples.template import AssistantWording, Template, fill


class Part(TypedDict):
    """A piece of a message: text, or a medium by its id."""

    type: str
    text: str | None
    media_id: str | None


class Message(TypedDict):
    """What one side says."""

    role: str
    content: list[Part]


class Target(TypedDict):
    """A piece of the answer; see `targets` in schemas/samples.py."""

    kind: str | None
    text: str
    value: float | None


@dataclass(frozen=True)
class Material:
    """Everything that is known of one canonical post, ready to be put into words."""

    medium: str
    """image, video or post."""
    title: str | None
    transcript: str | None
    shown: Sequence[tuple[str, str]]
    """(image or video, media_id) in the order in which they are shown."""
    looks: Sequence[Look]
    """One per scene."""
    signals: Sequence[Signal]
    replays: Sequence[Signal]
    """One per scene, or none."""
    comments: Sequence[str]


def render(material: Material, template: Template) -> tuple[list[Message], list[Target]]:
    """The conversation (system, user, assistant) and the answer's pieces, which joined are the assistant's text."""
    targets = _answer(material, template.assistant)
    media = [Part(type=kind, text=None, media_id=media_id) for kind, media_id in material.shown]
    messages = [
        Message(role="system", content=[_text(fill(template.system, medium=material.medium))]),
        Message(role="user", content=[_text(_question(material, template)), *media]),
        Message(role="assistant", content=[_text("".join(target["text"] for target in targets))]),
    ]
    return messages, targets


def _text(text: str) -> Part:
    return Part(type="text", text=text, media_id=None)


def _question(material: Material, template: Template) -> str:
    """What is known, then a question for each kind of answer that this sample has, and for no other."""
    words = template.user
    lines: list[tuple[str, dict[str, object]]] = []
    if material.title:
        lines.append((words.title, {"title": material.title}))
    if material.transcript:
        lines.append((words.transcript, {"transcript": material.transcript}))
    lines.append((words.opening, {}))
    if material.looks:
        lines.append((words.description, {}))
    lines += [(getattr(words, signal.kind), {}) for signal in material.signals]
    if material.comments:
        lines.append((words.comments, {"count": len(material.comments)}))
    if material.replays:
        lines.append((words.replay, {}))
    return "\n".join(fill(line, medium=material.medium, **values) for line, values in lines)


def _answer(material: Material, words: AssistantWording) -> list[Target]:
    """Description, separator, likes, comments, replay; what is not known is left out."""
    blocks: list[list[Target]] = []
    for scene, look in enumerate(material.looks, start=1):
        told = fill(words.scene, scene=scene, foreground=look.foreground, background=look.background, tone=look.tone)
        blocks.append([_piece("description", told)])
    blocks.append([_piece(None, words.separator)])
    for signal in material.signals:
        told = fill(getattr(words, signal.kind), medium=material.medium, number=signal.written)
        blocks.append([_piece("likes", told, signal.value)])
    if material.comments:
        blocks.append([_piece(None, words.comments)])
    for number, comment in enumerate(material.comments, start=1):
        quoted = _piece("comment", fill(words.comment, text=comment))
        blocks.append([_piece(None, fill(words.comment_number, number=number)), quoted])
    if material.replays:
        blocks.append([_piece(None, words.replay)])
    for scene, signal in enumerate(material.replays, start=1):
        value = _piece("replay", signal.written, signal.value)
        blocks.append([_piece(None, fill(words.replay_scene, scene=scene)), value])
    return _on_lines(blocks)


def _on_lines(blocks: list[list[Target]]) -> list[Target]:
    """The blocks one under another; line ends join the glue before them, or are glue of their own."""
    pieces: list[Target] = []
    for place, block in enumerate(blocks):
        for piece in [_piece(None, "\n"), *block] if place else block:
            if pieces and piece["kind"] is None and pieces[-1]["kind"] is None:
                pieces[-1]["text"] += piece["text"]
            else:
                pieces.append(piece)
    return pieces


def _piece(kind: str | None, text: str, value: float | None = None) -> Target:
    return Target(kind=kind, text=text, value=value)
