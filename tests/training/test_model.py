"""Checkpoints that are missing or do not fit, what learns, and the preset's own files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.errors import CheckpointError, ConfigError
from tests.training.shapes import answers, sample
from training.config import DataConfig, LoraConfig, ModelConfig, TrainConfig, ZeroConfig
from training.model import check_agreement, load_base, load_encoder, prepare
from training.tiny import build_tiny, fingerprint


@pytest.fixture
def altered(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint to break."""
    return Path(shutil.copytree(tiny, tmp_path / "altered"))


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    absent = ModelConfig(path=str(tmp_path / "absent"))
    with pytest.raises(CheckpointError, match=r"absent: no such checkpoint folder"):
        load_encoder(absent, DataConfig())
    with pytest.raises(CheckpointError, match=r"absent: no such checkpoint folder"):
        load_base(absent)


def test_a_folder_without_a_model_is_named(altered: Path) -> None:
    (altered / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"altered: cannot load the model"):
        load_base(ModelConfig(path=str(altered)))
    (altered / "processor_config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"altered: cannot load the processor"):
        load_encoder(ModelConfig(path=str(altered)), DataConfig())


def test_a_checkpoint_without_chat_template_is_refused(altered: Path) -> None:
    (altered / "chat_template.jinja").unlink()
    with pytest.raises(CheckpointError, match=r"altered: the checkpoint has no chat template"):
        load_encoder(ModelConfig(path=str(altered)), DataConfig())


def test_a_processor_that_disagrees_with_the_model_is_refused(altered: Path) -> None:
    edit(altered / "processor_config.json", patch_size=16)
    config = ModelConfig(path=str(altered))
    with pytest.raises(CheckpointError, match=r"altered: the processor disagrees with the model .*tokens: 4, features"):
        check_agreement(load_base(config), load_encoder(config, DataConfig()))


def test_a_tokenizer_larger_than_the_model_is_refused(altered: Path) -> None:
    config = ModelConfig(path=str(altered))
    encoder = load_encoder(config, DataConfig())
    encoder.tokenizer.add_tokens(["<one>", "<two>"])
    with pytest.raises(CheckpointError, match=r"more tokens than the model has embeddings .expected at most \d+, got"):
        check_agreement(load_base(config), encoder)


def test_a_template_that_alters_the_answer_is_refused(altered: Path) -> None:
    template = altered / "chat_template.jinja"
    template.write_text(template.read_text().replace("{{ part['text'] }}", "{{ part['text'] | upper }}"))
    with pytest.raises(CheckpointError, match=r"shapes:1#paper: the chat template alters the answer"):
        load_encoder(ModelConfig(path=str(altered)), DataConfig()).encode(sample(1))


def test_names_decide_what_learns(tiny: Path) -> None:
    full = prepare(load_base(ModelConfig(path=str(tiny))), ModelConfig(path=str(tiny)))
    frozen = {name.split(".")[1] for name, parameter in full.named_parameters() if not parameter.requires_grad}
    assert frozen == {"vision_tower"}
    lora = ModelConfig(path=str(tiny), lora=LoraConfig(rank=2, save=("multi_modal_projector",)))
    adapted = prepare(load_base(lora), lora)
    learned = [name for name, parameter in adapted.named_parameters() if parameter.requires_grad]
    assert all("lora_" in name or "multi_modal_projector" in name for name in learned)
    assert not any("vision_tower" in name for name in learned)
    assert any("q_proj.lora_A" in name for name in learned)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"freeze": (".*",)}, r"nothing is left to learn .field model\.freeze"),
        ({"lora": LoraConfig(targets="nowhere")}, r"no module matches .field model\.lora\.targets, got nowhere"),
        ({"lora": LoraConfig(save=("nobody",))}, r"no module has this name .field model\.lora\.save, got nobody"),
    ],
)
def test_names_that_match_nothing_are_refused(tiny: Path, model: dict[str, Any], message: str) -> None:
    config = ModelConfig(path=str(tiny), **model)
    with pytest.raises(ConfigError, match=message):
        prepare(load_base(config), config)


def test_the_same_texts_and_seed_give_the_same_preset(
    tiny: Path, samples: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert fingerprint(build_tiny(tmp_path / "again", answers(samples), seed=0)) == fingerprint(tiny)
    assert fingerprint(build_tiny(tmp_path / "other", answers(samples), seed=1)) != fingerprint(tiny)


def test_settings_are_closed_and_frozen(tiny: Path) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        TrainConfig.model_validate({"model": {"path": str(tiny)}, "steps": 1, "stepz": 2})
    with pytest.raises(ValidationError, match=r"offload_parameters needs zero\.stage 3"):
        ZeroConfig(stage=2, offload_parameters=True)
    with pytest.raises(ValidationError, match="frozen"):
        ModelConfig(path="a").path = "b"  # type: ignore[misc]
