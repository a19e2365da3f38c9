"""Numbers in answers: where they stand, which values are plausible, and what a model expects one to be. Used by tasks/.

A model's number is read from its logits, not from sampled text. After the true answer up to the number ("The video will
be liked by "), every candidate is scored by teacher forcing together with the character after it, so that "2" and
"2.0" do not compete unfairly; the model's number is the mean of the candidates under the softmax of these scores.

Candidates are the spellings seen in training, at most `MOST` of them, picked evenly from the sorted distinct ones. A
picked one stands for its neighbours that were left out, and its probability is multiplied by their number.

The whole sequence is run once; for each number the key-value cache is cut at the number and repeated per candidate, so
a number costs a forward pass over a few tokens per candidate.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.answer import Answer, Span
from training.data import Encoded

MOST = 32
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Site:
    """A number in an answer: its characters, its true value, and the text of its target before it."""

    start: int
    end: int
    value: float
    group: str


@dataclass(frozen=True)
class Grid:
    """Candidates of one group: spelling, value, how many distinct spellings each stands for; the training mean."""

    texts: tuple[str, ...]
    values: tuple[float, ...]
    stands_for: tuple[int, ...]
    mean: float


def site_of(answer: Answer, span: Span) -> Site | None:
    """The number in the span that spells its value (the nearest, of equals the last); null without value or number."""
    if span.value is None:
        return None
    found = list(_NUMBER.finditer(answer.text, span.start, span.end))
    if not found:
        return None
    nearest = min(reversed(found), key=lambda match: abs(_parsed(match.group()) - (span.value or 0.0)))
    return Site(nearest.start(), nearest.end(), span.value, answer.text[span.start : nearest.start()])


def make_grid(spelled: Sequence[str], mean: float, most: int = MOST) -> Grid:
    """The candidates for a group whose training numbers were spelled so; `mean` is the mean of their true values."""
    distinct = sorted(set(spelled), key=lambda text: (_parsed(text), text))
    count = min(most, len(distinct))
    # Borders of equal shares of the sorted spellings; the middle of a share is picked and stands for all of it.
    borders = [i * len(distinct) // count for i in range(count + 1)]
    shares = list(itertools.pairwise(borders))
    picked = [distinct[(low + high) // 2] for low, high in shares]
    return Grid(tuple(picked), tuple(map(_parsed, picked)), tuple(high - low for low, high in shares), mean)


def expected_number(
    model: nn.Module, tokenizer: Any, encoded: Encoded, site: Site, grid: Grid, *, logits: Tensor, cache: Any
) -> float:
    """The model's mean for the number at `site`.

    `logits` (L, V) and `cache` (key-values of L tokens) come from one forward pass over the whole sequence.
    """
    answer = encoded.answer
    index = answer.first_token_at(site.start)
    # A tokenizer may join the space before a number with it; then the candidate starts with that space.
    before, after = answer.text[answer.offsets[index][0] : site.start], answer.text[site.end : site.end + 1]
    spelled = [before + text + after for text in grid.texts]
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in spelled]
    scores = _scores(model, ids, encoded.start + index, logits=logits, cache=cache)
    probabilities = torch.softmax(scores + torch.tensor(grid.stands_for).double().log(), dim=0)
    return float((probabilities * torch.tensor(grid.values, dtype=torch.float64)).sum())


def _scores(model: nn.Module, ids: list[list[int]], place: int, *, logits: Tensor, cache: Any) -> Tensor:
    """Log-likelihood of each continuation from token `place` on, float64 on the host, shape (candidates,)."""
    longest = max(map(len, ids))
    padded = torch.tensor([row + [row[-1]] * (longest - len(row)) for row in ids], device=logits.device)
    real = torch.tensor([[i < len(row) for i in range(longest)] for row in ids], device=logits.device)
    past = copy.deepcopy(cache)
    past.crop(place - logits.shape[0])
    past.batch_repeat_interleave(len(ids))
    mask = torch.ones((len(ids), place + longest), dtype=torch.long, device=logits.device)
    further = model(input_ids=padded, past_key_values=past, attention_mask=mask, use_cache=True).logits
    first = logits[place - 1].expand(len(ids), 1, -1)
    likelihoods = torch.log_softmax(torch.cat([first, further[:, :-1]], dim=1).float(), dim=-1)
    chosen = likelihoods.gather(2, padded[:, :, None])[:, :, 0]
    return (chosen.double() * real).sum(dim=1).cpu()


def _parsed(text: str) -> float:
    return float(text.replace(",", ""))
