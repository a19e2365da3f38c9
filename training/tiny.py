"""The preset `tiny`: a LLaVA of two million random weights, built in seconds. Called by `ray_jobs` and tests.

The format is the true one (config, safetensors, processor with chat template, fast tokenizer), so everything after
`build_tiny` treats it like any downloaded checkpoint. What makes so small a random model learn in minutes:

- A SigLIP tower whose last layer LLaVA skips, as it does in the real ones: what is left is a random patch embedding as
  wide as a patch has values (3 x 8 x 8), so the frozen tower loses nothing that the trained projector needs.
- Digits are single tokens, so a number is spelled, and its probability is a product over digits.
- Weights are drawn with a standard deviation of 1/sqrt(width), not the usual 0.02, which suits widths of thousands and
  would leave layers of this width nearly silent.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from training.config import DataConfig, LoraConfig, ModelConfig, OptimConfig, TrainConfig
from training.libraries import import_transformers

IMAGE_SIZE = 32
PATCH = 8
WIDTH = 160
LAYERS = 4
VOCABULARY = 1024
CONTEXT = 2048
SPECIAL = ("<pad>", "<bos>", "<eos>", "<image>", "<system>", "<user>", "<assistant>")

CHAT_TEMPLATE = """<bos>{% for message in messages %}<{{ message['role'] }}>{% if message['content'] is string %}\
{{ message['content'] }}{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>\
{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<eos>{% endfor %}\
{% if add_generation_prompt %}<assistant>{% endif %}"""


def build_tiny(out_dir: Path, texts: Iterable[str], seed: int = 0) -> Path:
    """Write the checkpoint into `out_dir` and return it; `texts` (the training split's own) train the tokenizer.

    The same texts in the same order and the same seed give the same bytes.
    """
    transformers = import_transformers()
    out_dir.mkdir(parents=True, exist_ok=True)
    processor = _processor(_tokenizer(texts))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.LlavaForConditionalGeneration(_config(processor.tokenizer))
        _draw_weights(model)
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(out_dir)
    processor.save_pretrained(out_dir)
    logging.getLogger(__name__).info("tiny built parameters=%d", sum(p.numel() for p in model.parameters()))
    return out_dir


def tiny_config(path: Path, *, steps: int, micro_batch: int = 8, seed: int = 0) -> TrainConfig:
    """Settings that train the preset: LoRA on the language model; embeddings, head and projector in full."""
    return TrainConfig(
        model=ModelConfig(
            path=str(path),
            lora=LoraConfig(rank=64, alpha=64.0, save=("embed_tokens", "lm_head", "multi_modal_projector")),
        ),
        data=DataConfig(frames=4, max_tokens=512),
        optim=OptimConfig(learning_rate=3e-3, betas=(0.9, 0.98), warmup=0.05, floor=0.05, clip=1.0),
        steps=steps,
        micro_batch=micro_batch,
        seed=seed,
    )


def fingerprint(path: Path) -> str:
    """SHA-256 over the names and bytes of a checkpoint folder's files, in name order."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _tokenizer(texts: Iterable[str]) -> Any:
    """Byte-level BPE: no text is unknown; digits never merge."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    split_digits = pre_tokenizers.Digits(individual_digits=True)
    core.pre_tokenizer = pre_tokenizers.Sequence([split_digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=2,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        additional_special_tokens=["<image>", "<system>", "<user>", "<assistant>"],
        model_max_length=CONTEXT,
        padding_side="right",
    )


def _processor(tokenizer: Any) -> Any:
    from transformers import LlavaProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    return LlavaProcessor(
        image_processor=SiglipImageProcessorPil(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        chat_template=CHAT_TEMPLATE,
        image_token="<image>",
        num_additional_image_tokens=0,
    )


def _config(tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlavaConfig, SiglipVisionConfig

    vision = SiglipVisionConfig(
        hidden_size=3 * PATCH * PATCH,
        intermediate_size=3 * PATCH * PATCH,
        num_hidden_layers=1,
        num_attention_heads=4,
        image_size=IMAGE_SIZE,
        patch_size=PATCH,
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=CONTEXT,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=False,
    )
    return LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(IMAGE_SIZE // PATCH) ** 2,
        vision_feature_select_strategy="full",
        # As in LLaVA: the hidden states before the last layer. Of a tower of one layer these are the embedded patches.
        vision_feature_layer=-2,
        tie_word_embeddings=False,
    )


def _draw_weights(model: torch.nn.Module) -> None:
    """Redraw matrices at 1/sqrt(inputs), embeddings at 1; biases, norms and position tables keep transformers' draw."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_tokens" in name:
                parameter.normal_(0.0, 1.0)
            elif "lm_head" in name:
                parameter.normal_(0.0, 0.02)
            elif parameter.dim() >= 2 and "position_embedding" not in name:
                parameter.normal_(0.0, 1.0 / math.sqrt(parameter[0].numel()))
