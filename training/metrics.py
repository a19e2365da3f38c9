"""The loss on the answer, its sums by kind over all ranks, and what a step reports. Called by loop.py and tasks/."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.answer import KINDS
from training.data import Batch
from training.model import to_model
from training.ranks import all_sum


@dataclass(frozen=True)
class TokenLosses:
    """Per learned token of a batch: negative log-likelihood in nats, index in KINDS, row of the batch. Shape (N,)."""

    nll: Tensor
    kinds: Tensor
    rows: Tensor


def token_losses(model: nn.Module, batch: Batch) -> TokenLosses:
    """One forward pass; log-likelihoods are taken in float32 whatever the model's dtype."""
    inputs = to_model(batch.inputs, model)
    logits = model(**inputs, use_cache=False).logits
    kinds = batch.kinds[:, 1:].to(logits.device)
    rows, columns = torch.nonzero(kinds > 0, as_tuple=True)
    predicted = logits[rows, columns].float()
    wanted = inputs["input_ids"][rows, columns + 1]
    return TokenLosses(nn.functional.cross_entropy(predicted, wanted, reduction="none"), kinds[rows, columns], rows)


def token_counts(batch: Batch) -> tuple[float, int, int]:
    """Learned tokens weighted by sample; tokens of samples with weight; places of the padded batch."""
    learned = float(((batch.kinds > 0).sum(dim=1).double() * batch.weights).sum())
    real = int(batch.inputs["attention_mask"][batch.weights > 0].sum())
    return learned, real, batch.inputs["input_ids"].numel()


class KindSums:
    """Weighted sums of losses and tokens by kind, float64, added up over micro-batches and then over ranks."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros((2, len(KINDS)), dtype=torch.float64, device=device)

    def add(self, losses: TokenLosses, weights: Tensor) -> None:
        """Add a micro-batch; `weights` (B,) are the samples'."""
        weight = weights.to(losses.nll.device)[losses.rows]
        self.sums[0].index_add_(0, losses.kinds, losses.nll.detach().double() * weight)
        self.sums[1].index_add_(0, losses.kinds, weight)

    def reduced(self) -> dict[str, float]:
        """`loss` over all learned tokens and `loss/<kind>` for the kinds that occur, the same on every rank."""
        total = all_sum(self.sums)
        losses, tokens = total[0].tolist(), total[1].tolist()
        named = {"loss": sum(losses) / sum(tokens)}
        return named | {f"loss/{kind}": losses[i] / tokens[i] for i, kind in enumerate(KINDS) if tokens[i] > 0}
