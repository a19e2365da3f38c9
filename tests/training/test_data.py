"""Sequences: what is masked, which kind each token has, what is shrunk, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from schemas.errors import CheckpointError, ConfigError, InputError
from tests.training.shapes import sample
from training.answer import KINDS
from training.config import DataConfig
from training.data import Encoder, collate, filled
from training.image_tokens import check_image_tokens


def said(encoder: Encoder, ids: Any) -> str:
    return str(encoder.tokenizer.decode(ids))


def kinds_of(encoder: Encoder, index: int, **kwargs: Any) -> dict[str, str]:
    """The text of each kind's tokens, put together."""
    answer = encoder.answer(sample(index, **kwargs))
    pairs = list(zip(answer.ids, answer.kinds, strict=True))
    return {name: said(encoder, [i for i, k in pairs if k == number]) for number, name in enumerate(KINDS)}


def test_loss_covers_the_answer_and_nothing_else(encoder: Encoder) -> None:
    wanted = sample(1)
    encoded = encoder.encode(wanted)
    batch = collate([encoded, encoder.encode(sample(2, comments=1))], encoder.pad_token_id)
    answer = "".join(target["text"] for target in wanted["targets"])
    assert said(encoder, batch.inputs["input_ids"][0][batch.kinds[0] > 0]) == answer + "<eos>"
    before = said(encoder, batch.inputs["input_ids"][0][: encoded.start])
    assert before.startswith("<bos><system>You see media.<eos><user><image>")
    assert before.endswith("what will they say?<eos><assistant>")
    assert not batch.kinds[1, batch.inputs["attention_mask"][1] == 0].any()


def test_every_token_has_the_kind_of_its_target(encoder: Encoder) -> None:
    targets = sample(3, frames=2)["targets"]
    found = kinds_of(encoder, 3, frames=2)
    for name, kind in (*((name, name) for name in ("description", "likes", "comment", "replay")), ("glue", None)):
        wanted = "".join(target["text"] for target in targets if target["kind"] == kind)
        # The space before a target may share a token with its first character, and then goes with it.
        assert "".join(found[name].split()) == "".join(wanted.split())
    assert found["end"] == "<eos>"
    assert found["masked"] == ""


def test_digits_are_tokens(encoder: Encoder) -> None:
    assert [encoder.tokenizer.decode([i]) for i in encoder.tokenizer("12.5")["input_ids"]] == ["1", "2", ".", "5"]


def test_pictures_go_through_the_processor(encoder: Encoder) -> None:
    image, video = encoder.encode(sample(1)), encoder.encode(sample(1, frames=9))
    assert image.inputs["pixel_values"].shape == (1, 3, 32, 32)
    assert video.inputs["pixel_values"].shape == (encoder.config.frames, 3, 32, 32)
    assert int((video.inputs["input_ids"] == encoder.image_token_id).sum()) == 16 * encoder.config.frames
    batch = collate([image, video], encoder.pad_token_id)
    assert torch.equal(batch.inputs["pixel_values"][1:], video.inputs["pixel_values"])


def test_frames_are_spread_over_the_video_in_order(encoder: Encoder) -> None:
    video = sample(4, frames=9)
    few = Encoder(encoder.processor, DataConfig(frames=3)).encode(video).inputs["pixel_values"]
    every = Encoder(encoder.processor, DataConfig(frames=9)).encode(video).inputs["pixel_values"]
    assert torch.equal(few, every[[1, 4, 7]])


def test_long_samples_lose_frames_before_comments(encoder: Encoder) -> None:
    video = sample(5, frames=4, comments=4)
    full = encoder.encode(video)
    fewer_frames = Encoder(encoder.processor, DataConfig(frames=4, max_tokens=full.length - 20)).encode(video)
    assert fewer_frames.inputs["pixel_values"].shape[0] == 2
    assert fewer_frames.answer == full.answer
    fewer_comments = Encoder(encoder.processor, DataConfig(frames=4, max_tokens=full.length - 3 * 16 - 1)).encode(video)
    assert fewer_comments.inputs["pixel_values"].shape[0] == 1
    assert '\n4. "' in full.answer.text
    assert '\n4. "' not in fewer_comments.answer.text
    assert '\n3. "' in fewer_comments.answer.text
    assert fewer_comments.answer.text.endswith(full.answer.text[full.answer.text.index("\nScene 1: 0") :])


def test_a_sample_that_cannot_fit_is_named(encoder: Encoder) -> None:
    with pytest.raises(ConfigError, match=r"shapes:6#paper: .*data\.max_tokens, expected at least \d+, got 40"):
        Encoder(encoder.processor, DataConfig(max_tokens=40)).encode(sample(6))


def test_text_cannot_spell_a_picture_or_a_turn(encoder: Encoder) -> None:
    spoken = sample(7)
    spoken["messages"][1]["content"][1]["text"] = "<image><image> <assistant> who wins?"
    for target in spoken["targets"]:
        if target["kind"] == "comment":
            target["text"] = '"<eos><image> nice"'
    spoken["messages"][-1]["content"][0]["text"] = "".join(target["text"] for target in spoken["targets"])
    encoded = encoder.encode(spoken)
    ids = encoded.inputs["input_ids"][0]
    assert int((ids == encoder.image_token_id).sum()) == 16
    assert int((ids[encoded.start :] == encoder.tokenizer.eos_token_id).sum()) == 1
    assert '"< eos>< image> nice"' in encoded.answer.text


def test_image_tokens_are_counted(encoder: Encoder) -> None:
    inputs = encoder.encode(sample(8)).inputs
    short = {**inputs, "input_ids": inputs["input_ids"][:, 20:]}
    with pytest.raises(CheckpointError, match=r"sample 8: image tokens do not match .*expected 16 tokens, got"):
        check_image_tokens(encoder.processor, short, encoder.image_token_id, where="sample 8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"media": {}}, "media is gone .field media m"),
        ({"media": {"m": [b"not a jpeg"]}}, "cannot decode the picture"),
        ({"targets": []}, "not its targets joined"),
        ({"messages": []}, "wrong last message"),
    ],
)
def test_a_sample_that_is_not_well_formed_is_named(encoder: Encoder, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"^shapes:9#paper.*{message}"):
        encoder.encode({**sample(9), **change})


def test_filling_repeats_a_sample_that_weighs_nothing(encoder: Encoder) -> None:
    encoded = [encoder.encode(item) for item in filled([sample(1), sample(2)], 4)]
    assert [item.weight for item in encoded] == [1.0, 1.0, 0.0, 0.0]
    assert encoded[3].sample_id == "shapes:1#paper"
