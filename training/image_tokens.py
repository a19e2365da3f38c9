"""The places that a prompt reserves for picture features, counted and checked. Used by data.py and model.py.

A model fails in the middle of a run ("image tokens do not match features") when a processor reserves another number of
places than the vision tower fills. Three things prevent it: text can never spell a place (sample.defused), sequences
are never cut (data.Encoder shrinks or refuses), and the count is checked here for every sample.
"""

from __future__ import annotations

from typing import Any

from schemas.errors import CheckpointError


def image_token_id(processor: Any) -> int:
    """The id of the token that stands for one picture feature; CheckpointError where the processor names none."""
    found = getattr(processor, "image_token_id", None)
    if found is None and getattr(processor, "image_token", None) is not None:
        found = processor.tokenizer.convert_tokens_to_ids(processor.image_token)
    if found is None:
        raise CheckpointError("the processor has no image token", where=type(processor).__name__)
    return int(found)


def expected_features(processor: Any, inputs: dict[str, Any]) -> int | None:
    """Picture features that the model will make of `inputs`, or null for layouts that only the model can count.

    Counted here: grids of merged patches (Qwen-VL) and pictures of one size (LLaVA). `model.check_agreement` runs the
    model itself once, whatever the layout.
    """
    if inputs.get("image_grid_thw") is not None:
        return int(inputs["image_grid_thw"].prod(dim=-1).sum()) // int(processor.image_processor.merge_size) ** 2
    pixels = inputs.get("pixel_values")
    if pixels is None:
        return 0
    if pixels.dim() != 4 or "image_sizes" in inputs or not hasattr(processor, "num_additional_image_tokens"):
        return None
    per_picture = (pixels.shape[2] // processor.patch_size) * (pixels.shape[3] // processor.patch_size)
    per_picture += processor.num_additional_image_tokens - (processor.vision_feature_select_strategy == "default")
    return int(pixels.shape[0] * per_picture)


def check_image_tokens(processor: Any, inputs: dict[str, Any], token_id: int, *, where: str) -> None:
    """Raise CheckpointError unless the prompt reserves exactly as many places as there will be features."""
    expected = expected_features(processor, inputs)
    found = int((inputs["input_ids"] == token_id).sum())
    if expected is not None and found != expected:
        raise CheckpointError(
            "image tokens do not match picture features", where=where, expected=f"{expected} tokens", got=str(found)
        )
