"""How well a model foretells behaviour on held-out samples: comments, likes, replay. Called by the loop and `ray_jobs`.

Everything is teacher-forced: a comment is scored given the true answer before it, and so are likes and replay values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import nn

from training.answer import KINDS
from training.data import Encoded, Encoder
from training.model import to_model
from training.ranks import gathered
from training.sample import Sample
from training.tasks.numbers import Grid, expected_number, site_of
from training.tasks.reference import Reference

# Replay values scored per sample; a video has as many as scenes, and each costs a pass over all candidates.
REPLAY_SITES = 4


@dataclass(frozen=True)
class CommentScores:
    """Perplexity per token; nats per word (white-space separated) and bits per UTF-8 byte, which compare tokenizers."""

    perplexity: float
    nats_per_word: float
    bits_per_byte: float


@dataclass(frozen=True)
class NumberScores:
    """How the expected numbers fit the true ones.

    `r2` is 1 - sum (true - expected)^2 / sum (true - training mean)^2: above 0 is better than always saying the
    training mean. `pearson` and `spearman` are null where one side is constant or there are fewer than 3 values.
    """

    num: int
    r2: float | None
    pearson: float | None
    spearman: float | None
    mean_true: float
    mean_expected: float
    training_mean: float


@dataclass(frozen=True)
class BehaviourScores:
    """The scores of one model on one held-out split. `likes` has one entry for each wording (platform signal)."""

    num_samples: int
    num_comment_tokens: int
    loss: dict[str, float]
    comments: CommentScores | None
    unigram: CommentScores | None
    likes: dict[str, NumberScores]
    replay: NumberScores | None

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, strings and null."""
        return asdict(self)


@dataclass(frozen=True)
class _Row:
    """What one sample adds to the scores; small, for ranks exchange rows."""

    order: int
    nll: tuple[float, ...]
    tokens: tuple[int, ...]
    unigram_nll: float
    words: int
    num_bytes: int
    likes: tuple[tuple[str, float, float], ...]
    replay: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Behaviour:
    """The task: held-out samples and what the training split alone would say of them. Fits the loop's `evaluate`."""

    reference: Reference
    samples: Sequence[Sample]

    def __call__(self, model: nn.Module, encoder: Encoder, *, share: tuple[int, int]) -> dict[str, Any]:
        """The scores as JSON, the same on every rank; rank `share[0]` of `share[1]` does its part."""
        return self.scores(model, encoder, share=share).to_json()

    def scores(self, model: nn.Module, encoder: Encoder, *, share: tuple[int, int] = (0, 1)) -> BehaviourScores:
        """The scores of `model`, which is in eval mode."""
        mine = range(share[0], len(self.samples), share[1])
        rows = [self._row(model, encoder, index) for index in mine]
        ordered = sorted(gathered(rows, share), key=lambda row: row.order)
        return _summary(ordered, self.reference)

    @torch.no_grad()
    def _row(self, model: nn.Module, encoder: Encoder, order: int) -> _Row:
        encoded = encoder.encode(self.samples[order])
        answer = encoded.answer
        output = model(**to_model(encoded.inputs, model), use_cache=True)
        logits, ids = output.logits[0], torch.tensor(answer.ids)
        likelihoods = torch.log_softmax(logits[encoded.start - 1 : -1].float(), dim=-1).cpu().double()
        nll = -likelihoods[torch.arange(len(ids)), ids]
        kinds = torch.tensor(answer.kinds)
        comments = [answer.text[span.start : span.end] for span in answer.spans if span.kind == "comment"]
        likes, replay = self._numbers(model, encoder, encoded, logits, output.past_key_values)
        return _Row(
            order=order,
            nll=tuple(float(nll[kinds == kind].sum()) for kind in range(len(KINDS))),
            tokens=tuple(int((kinds == kind).sum()) for kind in range(len(KINDS))),
            unigram_nll=math.fsum(self.reference.unigram.nll(int(i)) for i in ids[kinds == KINDS.index("comment")]),
            words=sum(len(comment.split()) for comment in comments),
            num_bytes=sum(len(comment.encode()) for comment in comments),
            likes=likes,
            replay=replay,
        )

    def _numbers(
        self, model: nn.Module, encoder: Encoder, encoded: Encoded, logits: torch.Tensor, cache: Any
    ) -> tuple[tuple[tuple[str, float, float], ...], tuple[tuple[float, float], ...]]:
        """(group, true, expected) of likes whose group was seen in training; (true, expected) of replay."""
        likes: list[tuple[str, float, float]] = []
        replay: list[tuple[float, float]] = []
        for span in encoded.answer.spans:
            site = site_of(encoded.answer, span) if span.kind in ("likes", "replay") else None
            if site is None:
                continue
            grid = self.reference.likes.get(site.group) if span.kind == "likes" else self.reference.replay
            if grid is None or (span.kind == "replay" and len(replay) == REPLAY_SITES):
                continue
            number = expected_number(model, encoder.tokenizer, encoded, site, grid, logits=logits, cache=cache)
            if span.kind == "likes":
                likes.append((site.group, site.value, number))
            else:
                replay.append((site.value, number))
        return tuple(likes), tuple(replay)


def _summary(rows: list[_Row], reference: Reference) -> BehaviourScores:
    nll = [math.fsum(row.nll[kind] for row in rows) for kind in range(len(KINDS))]
    tokens = [sum(row.tokens[kind] for row in rows) for kind in range(len(KINDS))]
    comment = KINDS.index("comment")
    sizes = (tokens[comment], sum(row.words for row in rows), sum(row.num_bytes for row in rows))
    groups = sorted({group for row in rows for group, _, _ in row.likes})
    likes = {g: [(true, said) for row in rows for group, true, said in row.likes if group == g] for g in groups}
    replay = [pair for row in rows for pair in row.replay]
    return BehaviourScores(
        num_samples=len(rows),
        num_comment_tokens=tokens[comment],
        loss={kind: nll[i] / tokens[i] for i, kind in enumerate(KINDS) if i > 0 and tokens[i] > 0},
        comments=_comment_scores(nll[comment], *sizes),
        unigram=_comment_scores(math.fsum(row.unigram_nll for row in rows), *sizes),
        likes={group: _number_scores(pairs, reference.likes[group]) for group, pairs in likes.items()},
        replay=_number_scores(replay, reference.replay) if replay and reference.replay is not None else None,
    )


def _comment_scores(nll: float, tokens: int, words: int, num_bytes: int) -> CommentScores | None:
    if min(tokens, words, num_bytes) == 0:
        return None
    return CommentScores(math.exp(nll / tokens), nll / words, nll / math.log(2) / num_bytes)


def _number_scores(pairs: list[tuple[float, float]], grid: Grid) -> NumberScores:
    true, expected = np.array(pairs, dtype=np.float64).T
    spread = float(((true - grid.mean) ** 2).sum())
    varied = len(pairs) >= 3 and np.ptp(true) > 0 and np.ptp(expected) > 0
    return NumberScores(
        num=len(pairs),
        r2=1.0 - float(((true - expected) ** 2).sum()) / spread if spread > 0 else None,
        pearson=float(stats.pearsonr(true, expected).statistic) if varied else None,
        spearman=float(stats.spearmanr(true, expected).statistic) if varied else None,
        mean_true=float(true.mean()),
        mean_expected=float(expected.mean()),
        training_mean=grid.mean,
    )
