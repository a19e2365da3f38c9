"""What the training split alone says about behaviour: a unigram model of its comments, and its numbers. Used by tasks/.

Fitted once, on the driver or in each worker, from training samples (their media are not needed).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from training.answer import KINDS
from training.data import Encoder
from training.sample import Sample
from training.tasks.numbers import Grid, make_grid, site_of


@dataclass(frozen=True)
class Unigram:
    """Frequencies of the tokens of the training comments, with add-one smoothing over the whole vocabulary."""

    counts: Mapping[int, int]
    total: int
    vocabulary: int

    def nll(self, token: int) -> float:
        """Negative log-likelihood in nats."""
        return -math.log((self.counts.get(token, 0) + 1) / (self.total + self.vocabulary))


@dataclass(frozen=True)
class Reference:
    """Baselines and candidates from the training split.

    `likes` has one grid for each way in which a platform speaks of likes: the key is the target's text up to the
    number. `replay` is null where the training split has no replay values.
    """

    unigram: Unigram
    likes: Mapping[str, Grid]
    replay: Grid | None

    @classmethod
    def fit(cls, encoder: Encoder, samples: Iterable[Sample]) -> Reference:
        """Read the answers of `samples` (the training split) once."""
        counts: Counter[int] = Counter()
        numbers: dict[tuple[str, str], list[tuple[str, float]]] = {}
        comment = KINDS.index("comment")
        for sample in samples:
            answer = encoder.answer(sample)
            counts.update(token for token, kind in zip(answer.ids, answer.kinds, strict=True) if kind == comment)
            for span in answer.spans:
                site = site_of(answer, span) if span.kind in ("likes", "replay") else None
                if site is not None:
                    key = (span.kind, site.group if span.kind == "likes" else "")
                    numbers.setdefault(key, []).append((answer.text[site.start : site.end], site.value))
        grids = {key: _grid(found) for key, found in sorted(numbers.items())}
        likes = {group: grid for (kind, group), grid in grids.items() if kind == "likes"}
        unigram = Unigram(dict(sorted(counts.items())), counts.total(), len(encoder.tokenizer))
        return cls(unigram, likes, grids.get(("replay", "")))


def _grid(found: list[tuple[str, float]]) -> Grid:
    return make_grid([text for text, _ in found], math.fsum(value for _, value in found) / len(found))
