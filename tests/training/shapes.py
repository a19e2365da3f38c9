"""Samples drawn in memory: the colour of a shape decides its likes, the shape decides the words of its comments."""

from __future__ import annotations

import io
import random
from typing import Any

from PIL import Image, ImageDraw

COLOURS = {
    "red": ((214, 40, 40), 8.0),
    "orange": ((245, 140, 30), 6.0),
    "green": ((50, 160, 70), 4.0),
    "blue": ((40, 90, 210), 2.0),
    "grey": ((120, 120, 120), 0.8),
}
WORDS = {
    "circle": ("what a lovely round thing", "it rolls so well", "round and perfect", "a ball for my dog"),
    "square": ("such sharp corners here", "a box full of secrets", "four sides are enough", "very square indeed"),
    "triangle": ("it points at the sky", "three corners are best", "like a tiny mountain", "sharp as a tooth"),
}


def drawn(rng: random.Random, shape: str, colour: tuple[int, int, int]) -> bytes:
    """A JPEG of 64 x 64 pixels."""
    picture = Image.new("RGB", (64, 64), tuple(rng.randint(225, 255) for _ in range(3)))
    x, y, half = rng.randint(26, 38), rng.randint(26, 38), rng.randint(16, 24)
    draw = ImageDraw.Draw(picture)
    if shape == "circle":
        draw.ellipse((x - half, y - half, x + half, y + half), fill=colour)
    elif shape == "square":
        draw.rectangle((x - half, y - half, x + half, y + half), fill=colour)
    else:
        draw.polygon([(x, y - half), (x - half, y + half), (x + half, y + half)], fill=colour)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def sample(index: int, *, frames: int = 0, comments: int = 3, seed: int = 0) -> dict[str, Any]:
    """Sample number `index`: an image, or a video of `frames` keyframes with replay values."""
    rng = random.Random(seed * 1_000_003 + index)
    colour, shape = rng.choice(sorted(COLOURS)), rng.choice(sorted(WORDS))
    rgb, likes = COLOURS[colour]
    percent = round(max(0.1, likes + rng.gauss(0, 0.4)), 1)
    said = rng.sample(WORDS[shape], comments)
    targets: list[dict[str, Any]] = [
        {"kind": "description", "text": "Scene 1: The scene shows a drawing.", "value": None},
        {"kind": None, "text": "\n>>> BEHAVIOR <<<\n", "value": None},
        {"kind": "likes", "text": f"The video will be liked by {percent}% of viewers.", "value": percent},
    ]
    for number, words in enumerate(said, 1):
        targets.append({"kind": None, "text": f"\n{number}. ", "value": None})
        targets.append({"kind": "comment", "text": f'"{words}"', "value": None})
    for scene in range(1, frames + 1):
        value = round(min(1.0, likes / 10 + 0.02 * scene), 2)
        targets.append({"kind": None, "text": "\n", "value": None})
        targets.append({"kind": "replay", "text": f"Scene {scene}: {value:.2f}", "value": value})
    kind = "video" if frames else "image"
    question = "Describe it. How many viewers will like it, and what will they say?"
    answer = "".join(target["text"] for target in targets)
    return {
        "sample_id": f"shapes:{index}#paper",
        "post_id": f"shapes:{index}",
        "split": "train",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "You see media.", "media_id": None}]},
            {
                "role": "user",
                "content": [
                    {"type": kind, "text": None, "media_id": "m"},
                    {"type": "text", "text": question, "media_id": None},
                ],
            },
            {"role": "assistant", "content": [{"type": "text", "text": answer, "media_id": None}]},
        ],
        "targets": targets,
        "media": {"m": [drawn(rng, shape, rgb) for _ in range(max(1, frames))]},
    }


def answers(samples: list[dict[str, Any]]) -> list[str]:
    """The texts that the tiny tokenizer is trained on: all that is said in the samples."""
    return [part["text"] for s in samples for m in s["messages"] for part in m["content"] if part["text"]]
