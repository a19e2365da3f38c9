"""Random draws and ids that are the same on every machine; used by all of pipelines/synthetic.

Only PCG64, integers, IEEE additions and multiplications are used: exp, log and normal deviates can differ in the last
bit between processors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_BASE36 = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", np.uint8)
_BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", np.uint8)


def generator(*key: int) -> np.random.Generator:
    """A generator for one purpose, told by non-negative integers (seed first)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(key))))


def noise(rng: np.random.Generator, size: int) -> Floats:
    """Bell-shaped deviates in -1..1, standard deviation 0.289: the mean of four uniforms, centred and doubled."""
    total = rng.random(size) + rng.random(size) + rng.random(size) + rng.random(size)
    return total * 0.5 - 1.0


def growth(power: Floats) -> Ints:
    """About 2**power as whole numbers, exactly reproducible (linear between the powers of two)."""
    whole = np.floor(power)
    unit = np.left_shift(np.int64(1), whole.astype(np.int64))
    return np.floor(unit * (1.0 + (power - whole))).astype(np.int64)


def mixed(values: Ints, salt: int) -> NDArray[np.uint64]:
    """64-bit ids, distinct for distinct values (splitmix64, a bijection)."""
    x = values.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def base36(values: NDArray[Any], width: int) -> list[str]:
    """Digits 0-9a-z, padded to `width`."""
    return _digits(values, 36, width, _BASE36)


def base64(values: NDArray[np.uint64]) -> list[str]:
    """The 11 characters that YouTube uses for 64 bits."""
    return _digits(values, 64, 11, _BASE64)


def _digits(values: NDArray[Any], base: int, width: int, alphabet: NDArray[np.uint8]) -> list[str]:
    rest = values.astype(np.uint64)
    text = np.empty((len(values), width), np.uint8)
    for place in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, np.uint64(base))
        text[:, place] = alphabet[digit]
    names: list[str] = text.view(f"S{width}").reshape(-1).astype(f"U{width}").tolist()
    return names


def chosen(options: list[str], picks: Ints) -> list[str]:
    """The options at the picked places."""
    return [options[pick] for pick in picks.tolist()]


def iso_times(seconds: Ints) -> list[str]:
    """`2020-08-01T10:11:12Z` for epoch seconds."""
    texts: list[str] = np.datetime_as_string(seconds.astype("datetime64[s]"), timezone="UTC").tolist()
    return texts
