"""The answer of a sample as tokens, each with the kind of target that it belongs to. Used by data.py and tasks/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import CheckpointError
from training.sample import Target, answer_text, defused

# What a token belongs to; 0 is masked. `end` is the end-of-turn token that the chat template (or the tokenizer) adds.
KINDS = ("masked", "description", "likes", "comment", "replay", "glue", "end")


@dataclass(frozen=True)
class Span:
    """A target's place in the answer's text: characters `start` to `end`."""

    kind: str
    start: int
    end: int
    value: float | None


@dataclass(frozen=True)
class Answer:
    """A rendered answer: `text` is what follows the prompt; per token its id, its characters and its index in KINDS."""

    text: str
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    kinds: tuple[int, ...]
    spans: tuple[Span, ...]

    def first_token_at(self, char: int) -> int:
        """Index of the first token that reaches beyond character `char`."""
        return next(i for i, (_, end) in enumerate(self.offsets) if end > char)


def tokenize_answer(
    processor: Any, asked: list[dict[str, Any]], targets: Sequence[Target], *, special: Sequence[str], where: str
) -> Answer:
    """The answer as the chat template renders it after `asked`, the messages before it, whose texts are already safe.

    CheckpointError where the template's generation prompt is no beginning of the conversation, or alters the answer.
    """
    tokenizer = processor.tokenizer
    pieces = [{**target, "text": defused(target["text"], special)} for target in targets]
    text = answer_text(pieces)
    rest = _rendered_after(processor, asked, text)
    # Some templates strip what the assistant says; then the spans move by what is gone in front.
    kept = text if text in rest else text.strip()
    start = rest.find(kept)
    if start < 0 or not kept:
        raise CheckpointError("the chat template alters the answer", where=where, got=repr(rest[:80]))
    stop = start + len(kept)
    rest = rest[:stop] + (rest[stop:].rstrip() or tokenizer.eos_token or "")
    spans = _spans(pieces, start - text.index(kept), low=start, high=stop)
    coded = tokenizer(rest, add_special_tokens=False, return_offsets_mapping=True)
    offsets = tuple((int(a), int(b)) for a, b in coded["offset_mapping"])
    kinds = tuple(_kind(a, b, spans) for a, b in offsets)
    return Answer(rest, tuple(coded["input_ids"]), offsets, kinds, spans)


def _rendered_after(processor: Any, asked: list[dict[str, Any]], text: str) -> str:
    """What the chat template renders after the generation prompt when the assistant says `text`."""
    said = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    prompt = processor.apply_chat_template(asked, add_generation_prompt=True)
    whole = processor.apply_chat_template([*asked, said])
    if not whole.startswith(prompt):
        raise CheckpointError(
            "the chat template's generation prompt is no beginning of the whole conversation",
            where=str(processor.tokenizer.name_or_path),
            got=repr(prompt[-40:]),
        )
    return str(whole[len(prompt) :])


def _spans(pieces: Sequence[Target], start: int, *, low: int, high: int) -> tuple[Span, ...]:
    spans = []
    for piece in pieces:
        end = start + len(piece["text"])
        value = piece.get("value")
        kind = piece["kind"] or "glue"
        spans.append(Span(kind, max(start, low), min(end, high), None if value is None else float(value)))
        start = end
    return tuple(spans)


def _kind(start: int, end: int, spans: tuple[Span, ...]) -> int:
    """The kind at the token's middle character, so that a token over a border belongs to where most of it lies."""
    middle = min((start + end) // 2, end - 1)
    for span in spans:
        if span.start <= middle < span.end:
            return KINDS.index(span.kind)
    return KINDS.index("end") if spans and start >= spans[-1].end else 0
