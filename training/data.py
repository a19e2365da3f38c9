"""From samples to tensors: the whole sequence of a sample, and padded batches of them. Used by loop.py and tasks/.

The prompt (with its pictures) goes through the checkpoint's own processor and chat template exactly as in generation;
the answer is tokenised by itself and appended. So the border between what is masked and what is learned is exact, and
offsets lead from every answer token back to its target (answer.py). B samples, L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from schemas.errors import CheckpointError, ConfigError
from training.answer import Answer, tokenize_answer
from training.config import DataConfig
from training.image_tokens import check_image_tokens, image_token_id
from training.sample import (
    Sample,
    Target,
    answer_text,
    check,
    defused,
    most_frames,
    picture,
    shown_frames,
    without_last_comment,
)

# Inputs with one value per token, and the value that the answer's tokens and the padding get.
_PER_TOKEN = {"attention_mask": (1, 0), "token_type_ids": (0, 0), "mm_token_type_ids": (0, 0)}


@dataclass(frozen=True)
class Encoded:
    """One sample as tensors: `inputs` are the processor's with the answer appended (batch dimension 1)."""

    sample_id: str
    inputs: dict[str, Tensor]
    answer: Answer
    weight: float

    @property
    def length(self) -> int:
        """Tokens of prompt, pictures and answer."""
        return int(self.inputs["input_ids"].shape[1])

    @property
    def start(self) -> int:
        """Index of the answer's first token."""
        return self.length - len(self.answer.ids)


@dataclass(frozen=True)
class Batch:
    """Padded samples: `inputs` for the model, `kinds` (B, L) indices in KINDS, `weights` (B,) float64."""

    sample_ids: tuple[str, ...]
    inputs: dict[str, Tensor]
    kinds: Tensor
    weights: Tensor


class Encoder:
    """The processor of a checkpoint together with the data settings."""

    def __init__(self, processor: Any, config: DataConfig) -> None:
        where = str(processor.tokenizer.name_or_path)
        if processor.chat_template is None and processor.tokenizer.chat_template is None:
            raise CheckpointError("the checkpoint has no chat template", where=where)
        if not processor.tokenizer.is_fast:
            raise CheckpointError("the checkpoint has no fast tokenizer, which offsets need", where=where)
        self.processor, self.tokenizer, self.config = processor, processor.tokenizer, config
        self.image_token_id = image_token_id(processor)
        pad, end = self.tokenizer.pad_token_id, self.tokenizer.eos_token_id
        self.pad_token_id = int(pad if pad is not None else end if end is not None else 0)
        control = {*self.tokenizer.get_added_vocab(), *self.tokenizer.all_special_tokens}
        self.special = sorted(
            (token for token in control if len(token) > 1 and token.strip()), key=lambda t: (-len(t), t)
        )

    def encode(self, sample: Sample) -> Encoded:
        """The sample as tensors, made to fit `max_tokens` by fewer frames, then by fewer comments.

        ConfigError where even the shortest form does not fit, InputError for a sample that is not well formed.
        """
        check(sample)
        targets, frames = list(sample["targets"]), most_frames(sample, self.config.frames)
        prompt, answer = self._prompt(sample, frames), self.answer(sample, targets)
        while (excess := _length(prompt, answer) - self.config.max_tokens) > 0:
            shorter = without_last_comment(targets)
            if frames > 1:
                frames = self._fewer_frames(prompt, frames, excess)
                prompt = self._prompt(sample, frames)
            elif shorter is not None and answer_text(shorter):
                targets, answer = shorter, self.answer(sample, shorter)
            else:
                raise ConfigError(
                    "a sample does not fit, not even with one frame a video and without comments",
                    where=str(sample["sample_id"]),
                    field="data.max_tokens",
                    expected=f"at least {_length(prompt, answer)}",
                    got=str(self.config.max_tokens),
                )
        inputs = _appended(prompt, answer)
        return Encoded(str(sample["sample_id"]), inputs, answer, float(sample.get("weight", 1.0)))

    def answer(self, sample: Sample, targets: Sequence[Target] | None = None) -> Answer:
        """The tokens and kinds of the sample's answer (or of other targets in its place); needs no media."""
        asked = [
            {"role": message["role"], "content": [_safe(part, self.special) for part in message["content"]]}
            for message in sample["messages"][:-1]
        ]
        chosen = sample["targets"] if targets is None else targets
        return tokenize_answer(self.processor, asked, chosen, special=self.special, where=str(sample["sample_id"]))

    def probe(self, size: tuple[int, int]) -> dict[str, Tensor]:
        """The processor's tensors for one grey picture of `size` (width, height) and a word: to try a model with."""
        content = [
            {"type": "image", "image": Image.new("RGB", size, (127, 127, 127))},
            {"type": "text", "text": "Look."},
        ]
        return dict(self._processed([{"role": "user", "content": content}], where="the probe"))

    def _prompt(self, sample: Sample, frames: int) -> dict[str, Tensor]:
        """The processor's tensors for everything before the answer, with `frames` pictures of each video."""
        asked = [
            {
                "role": message["role"],
                "content": [p for part in message["content"] for p in self._parts(part, sample, frames)],
            }
            for message in sample["messages"][:-1]
        ]
        return self._processed(asked, where=str(sample["sample_id"]))

    def _processed(self, asked: list[dict[str, Any]], *, where: str) -> dict[str, Tensor]:
        processed = self.processor.apply_chat_template(
            asked, tokenize=True, return_dict=True, add_generation_prompt=True, return_tensors="pt"
        )
        inputs = dict(processed)
        check_image_tokens(self.processor, inputs, self.image_token_id, where=where)
        return inputs

    def _parts(self, part: dict[str, Any], sample: Sample, frames: int) -> list[dict[str, Any]]:
        if part["type"] == "text":
            return [_safe(part, self.special)]
        return [
            {"type": "image", "image": picture(sample, part["media_id"], index, self.config.image_size)}
            for index in shown_frames(sample, part, frames)
        ]

    def _fewer_frames(self, prompt: dict[str, Tensor], frames: int, excess: int) -> int:
        """How many frames save `excess` tokens if each takes as many as now; at least one less."""
        per_frame = max(1, int((prompt["input_ids"] == self.image_token_id).sum()) // frames)
        return max(1, frames - -(-excess // per_frame))


def collate(encoded: Sequence[Encoded], pad_token_id: int) -> Batch:
    """Pad to the longest sample, on the right; the pictures of all samples follow each other."""
    length = max(item.length for item in encoded)
    fills = {"input_ids": pad_token_id, **{name: fill for name, (_, fill) in _PER_TOKEN.items()}}
    inputs = {
        name: torch.cat([_padded(item.inputs[name], length, fill) for item in encoded])
        for name, fill in fills.items()
        if name in encoded[0].inputs
    }
    for name in sorted({name for item in encoded for name in item.inputs} - set(inputs)):
        inputs[name] = _stacked([item.inputs[name] for item in encoded if name in item.inputs])
    kinds = torch.zeros((len(encoded), length), dtype=torch.long)
    for row, item in enumerate(encoded):
        kinds[row, item.start : item.length] = torch.tensor(item.answer.kinds)
    weights = torch.tensor([item.weight for item in encoded], dtype=torch.float64)
    return Batch(tuple(item.sample_id for item in encoded), inputs, kinds, weights)


def filled(samples: Sequence[Sample], size: int) -> list[Sample]:
    """`samples` made `size` long with copies of the first that weigh nothing, so that every rank takes every step."""
    return [*samples, *({**samples[0], "weight": 0.0} for _ in range(size - len(samples)))]


def _safe(part: dict[str, Any], special: Sequence[str]) -> dict[str, Any]:
    """A text part without control tokens; a picture's place without its content."""
    if part["type"] == "text":
        return {"type": "text", "text": defused(part["text"], special)}
    return {"type": "image"}


def _length(prompt: dict[str, Tensor], answer: Answer) -> int:
    return int(prompt["input_ids"].shape[1]) + len(answer.ids)


def _appended(prompt: dict[str, Tensor], answer: Answer) -> dict[str, Tensor]:
    ids = torch.tensor([answer.ids], dtype=torch.long)
    inputs = {**prompt, "input_ids": torch.cat([prompt["input_ids"], ids], dim=1)}
    for name, (value, _) in _PER_TOKEN.items():
        if name in prompt:
            inputs[name] = torch.cat([prompt[name], torch.full_like(ids, value, dtype=prompt[name].dtype)], dim=1)
    return inputs


def _padded(row: Tensor, length: int, fill: int) -> Tensor:
    return torch.nn.functional.pad(row, (0, length - row.shape[1]), value=fill)


def _stacked(parts: list[Tensor]) -> Tensor:
    """The parts one after the other; those with fewer pictures or tiles in their second dimension get zeros there,
    which is what the processors of such layouts (Idefics, LLaVA-NeXT) pad a batch with themselves."""
    if parts[0].dim() >= 4:
        most = max(part.shape[1] for part in parts)
        parts = [torch.nn.functional.pad(p, (*(0, 0) * (p.dim() - 2), 0, most - p.shape[1])) for p in parts]
    return torch.cat(parts)
