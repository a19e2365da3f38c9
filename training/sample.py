"""A sample as training receives it, and how one that is too long is made shorter. Used by data.py and tasks/.

A sample is a plain dict, so that any feed can make one (`ray_jobs/train.py` makes it from the lake)::

    {"sample_id": str, "post_id": str, "split": str,
     "messages": [{"role": str, "content": [{"type": "text" | "image" | "video", "text": str?, "media_id": str?}]}],
     "targets": [{"kind": "description" | "likes" | "comment" | "replay" | None, "text": str, "value": float?}],
     "media": {media_id: [jpeg bytes, ...]},    one JPEG for an image, keyframes in time order for a video
     "weight": float}                           optional, default 1; 0 fills a short step and teaches nothing

The last message is the assistant's, and its text is the targets' texts joined.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, UnidentifiedImageError

from schemas.errors import InputError

Sample = dict[str, Any]
Target = dict[str, Any]


def check(sample: Sample) -> None:
    """Raise InputError unless the sample has the documented form and its answer equals its targets."""
    name = str(sample.get("sample_id", "a sample without sample_id"))
    for field in ("sample_id", "messages", "targets", "media"):
        if field not in sample:
            raise InputError("the sample lacks a field", where=name, field=field)
    messages = sample["messages"]
    if len(messages) < 2 or messages[-1]["role"] != "assistant":
        got = messages[-1]["role"] if messages else "no message"
        raise InputError("wrong last message", where=name, field="messages", expected="role assistant", got=got)
    said = "".join(part["text"] for part in messages[-1]["content"] if part["type"] == "text")
    if said != answer_text(sample["targets"]):
        raise InputError("the answer is not its targets joined", where=name, field="targets")
    if not said:
        raise InputError("the answer is empty", where=name, field="targets")


def answer_text(targets: Sequence[Target]) -> str:
    """The targets' texts joined: the assistant's text."""
    return "".join(target["text"] for target in targets)


def picture(sample: Sample, media_id: str, index: int, size: int | None) -> Image.Image:
    """One JPEG of the sample's media as RGB, its longest side at most `size` pixels; InputError where it is broken."""
    where = f"{sample['sample_id']} media {media_id}"
    try:
        with Image.open(io.BytesIO(sample["media"][media_id][index])) as opened:
            shown = opened.convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise InputError("cannot decode the picture", where=where, got=str(error)) from error
    if size is not None and max(shown.size) > size:
        scale = size / max(shown.size)
        width, height = (max(1, round(side * scale)) for side in shown.size)
        shown = shown.resize((width, height), Image.Resampling.BICUBIC)
    return shown


def shown_frames(sample: Sample, part: dict[str, Any], frames: int) -> list[int]:
    """Which JPEGs of an image or video part are shown: all of an image, `frames` of a video, evenly spaced."""
    total = len(sample["media"].get(part["media_id"], ()))
    if total == 0:
        raise InputError(
            "the sample's media is gone", where=str(sample["sample_id"]), field=f"media {part['media_id']}"
        )
    if part["type"] != "video" or total <= frames:
        return list(range(total))
    # The middle of each of `frames` equal shares of the video.
    return [(2 * i + 1) * total // (2 * frames) for i in range(frames)]


def most_frames(sample: Sample, frames: int) -> int:
    """The most frames that any video of the sample shows at this setting; 0 without a video."""
    parts = [part for message in sample["messages"] for part in message["content"] if part["type"] == "video"]
    return max((len(shown_frames(sample, part, frames)) for part in parts), default=0)


def without_last_comment(targets: list[Target]) -> list[Target] | None:
    """The targets less the last comment and the glue before it (its number), or null where there is no comment."""
    last = max((i for i, target in enumerate(targets) if target["kind"] == "comment"), default=None)
    if last is None:
        return None
    first = last - 1 if last > 0 and targets[last - 1]["kind"] is None else last
    return targets[:first] + targets[last + 1 :]


def defused(text: str, special: Sequence[str]) -> str:
    """`text` with a space inside everything that the tokenizer would read as a control token or an image's place."""
    for token in special:
        if token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text
