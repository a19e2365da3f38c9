"""langdetect 1.0.9 on numbers: the library's own profiles, n-grams and random draws, the sums in numba.

The library takes 2 ms a text, nearly all of it in a loop over 55 probabilities in Python. Here the loop is compiled,
and the random numbers, which a fixed seed makes the same for every text, are drawn once. Answers equal the library's
bit for bit under Python 3.11 (from 3.12 on its `sum` rounds otherwise); a test compares them. Used by `language`.
"""

from __future__ import annotations

import math
import random
import re
from functools import lru_cache
from importlib.resources import files

import numba
import numpy as np
import numpy.typing as npt
from langdetect.detector import Detector
from langdetect.detector_factory import DetectorFactory
from langdetect.utils.ngram import NGram

Floats = npt.NDArray[np.float64]
_SPACES = re.compile(" {2,}")
_MOST_CHARACTERS = 10_000
_TRIALS = 7
_MOST_DRAWS = 1000
_CONVERGED = 0.99999
_MASK = (1 << 16) - 1
"""At most 7,007 draws a text, each rejected with a probability below 1/2: the stream of 65,536 numbers never ends."""


class _Letters(dict[str, str]):
    """The library's form of each character, asked for once."""

    def __missing__(self, character: str) -> str:
        letter: str = NGram.normalize(character)
        self[character] = letter
        return letter


class Profiles:
    """The library's language profiles as one matrix: a row per n-gram, a column per language."""

    def __init__(self, seed: int) -> None:
        self.factory = DetectorFactory()
        self.factory.seed = seed
        # In order of name: the order of a directory differs between machines and decides ties.
        found = sorted(
            (f for f in files("langdetect.profiles").iterdir() if not f.name.startswith(("_", "."))),
            key=lambda f: f.name,
        )
        self.factory.load_json_profile([f.read_text(encoding="utf-8") for f in found])
        self.languages: list[str] = list(self.factory.langlist)
        words = self.factory.word_lang_prob_map
        self.row_of: dict[str, int] = {word: row for row, word in enumerate(words)}
        self.table: Floats = np.array(list(words.values()), dtype=np.float64)
        self.letters = _Letters()
        draw = random.Random(seed)
        self.stream = np.array([draw.getrandbits(32) for _ in range(_MASK + 1)], dtype=np.uint32)

    def grams(self, text: str) -> list[int]:
        """Rows of the n-grams that the library finds in the text: its `append` and `_extract_ngrams` in one loop."""
        row_of, letter_of = self.row_of.get, self.letters
        found: list[int | None] = []
        gram, capitals = " ", False
        for character in self._cleaned(text):
            letter, last = letter_of[character], gram[-1]
            if last == " ":
                gram, capitals = " ", False
                if letter == " ":
                    continue
            gram = gram[-2:] + letter
            # A word of capitals says nothing of its language.
            capitals = letter.isupper() and (capitals or last.isupper())
            if capitals:
                continue
            if letter != " ":
                found.append(row_of(letter))
            found.append(row_of(gram[-2:]))
            if len(gram) == 3:
                found.append(row_of(gram))
        return [row for row in found if row is not None]

    def _cleaned(self, text: str) -> str:
        """Without addresses, runs of spaces, and Latin letters in a text of another script."""
        text = Detector.MAIL_RE.sub(" ", Detector.URL_RE.sub(" ", text))
        text = _SPACES.sub(" ", NGram.normalize_vi(text)[:_MOST_CHARACTERS])
        if text.isascii():
            return text
        detector = Detector(self.factory)
        detector.text = text
        detector.cleaning_text()
        return str(detector.text)


@lru_cache(maxsize=2)
def profiles(seed: int) -> Profiles:
    """The profiles, read once per process (0.5 s, 60 MB)."""
    return Profiles(seed)


def detect(texts: list[str], *, seed: int) -> tuple[list[str | None], Floats]:
    """The likeliest language of each text and its probability; null and 0 where the text has no known n-gram.

    Languages are named as the library names them (`zh-cn`).
    """
    known = profiles(seed)
    grams = [known.grams(text) for text in texts]
    ends = np.cumsum([0, *(len(found) for found in grams)])
    flat = np.fromiter((row for found in grams for row in found), dtype=np.int64, count=int(ends[-1]))
    best, score = _best(flat, ends, known.table, known.stream)
    return [known.languages[i] if i >= 0 else None for i in best.tolist()], score


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _best(
    grams: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], table: Floats, stream: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.int64], Floats]:
    best = np.full(ends.size - 1, -1, dtype=np.int64)
    score = np.zeros(ends.size - 1)
    for text in range(ends.size - 1):
        found = grams[ends[text] : ends[text + 1]]
        if found.size:
            mean = _mean_probabilities(found, table, stream)
            best[text] = np.argmax(mean)
            score[text] = mean[best[text]]
    return best, score


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _mean_probabilities(grams: npt.NDArray[np.int64], table: Floats, stream: npt.NDArray[np.uint32]) -> Floats:
    """The library's `_detect_block`: naive Bayes on randomly drawn n-grams until it converges, 7 times, averaged."""
    num_languages = table.shape[1]
    bits = 0
    while (grams.size >> bits) > 0:
        bits += 1
    mean, prob = np.zeros(num_languages), np.empty(num_languages)
    at, spare = 0, 0.0
    for trial in range(_TRIALS):
        # random.gauss makes two numbers at a time and keeps the second for the next call.
        if trial % 2 == 0:
            turn = _uniform(stream, at) * 2.0 * math.pi
            radius = math.sqrt(-2.0 * math.log(1.0 - _uniform(stream, at + 2)))
            normal, spare, at = math.cos(turn) * radius, math.sin(turn) * radius, at + 4
        else:
            normal = spare
        weight = (0.5 + normal * 0.05) / 10000
        prob[:] = 1.0 / num_languages
        for draw in range(_MOST_DRAWS + 1):
            # random.choice: the upper bits of a word, drawn again until they are an index.
            pick = np.int64(grams.size)
            while pick >= grams.size:
                pick = np.int64(stream[at & _MASK] >> np.uint32(32 - bits))
                at += 1
            row = table[grams[pick]]
            for i in range(num_languages):
                prob[i] *= weight + row[i]
            if draw % 5 == 0 and _normalise(prob) > _CONVERGED:
                break
        for i in range(num_languages):
            mean[i] += prob[i] / _TRIALS
    return mean


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _uniform(stream: npt.NDArray[np.uint32], at: int) -> float:
    """random.random: 53 bits of two words."""
    high, low = stream[at & _MASK] >> np.uint32(5), stream[(at + 1) & _MASK] >> np.uint32(6)
    return (np.float64(high) * 67108864.0 + np.float64(low)) * (1.0 / 9007199254740992.0)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _normalise(prob: Floats) -> float:
    """Scale to a sum of 1; the largest."""
    total, largest = 0.0, 0.0
    for i in range(prob.size):
        total += prob[i]
    for i in range(prob.size):
        prob[i] /= total
        largest = max(largest, prob[i])
    return largest
