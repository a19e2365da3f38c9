"""Scores of behaviour: numbers read from logits, the unigram baseline, R2 against the training mean; and learning."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.shapes import sample
from tests.training.test_loop import feed
from training.answer import KINDS
from training.config import TrainConfig
from training.data import Encoder
from training.export import open_export
from training.loop import train
from training.model import load_base
from training.tasks.behaviour import Behaviour, _number_scores
from training.tasks.numbers import Grid, expected_number, make_grid, site_of
from training.tasks.reference import Reference
from training.tiny import tiny_config

LIKES = "The video will be liked by "


def test_expected_number_equals_scoring_every_candidate_in_full(encoder: Encoder, config: TrainConfig) -> None:
    """The cut and repeated cache against one whole forward pass per candidate."""
    model = load_base(config.model).eval()
    encoded = encoder.encode(sample(3))
    span = next(span for span in encoded.answer.spans if span.kind == "likes")
    site = site_of(encoded.answer, span)
    assert site is not None
    grid = Grid(("0.4", "2.0", "11.5"), (0.4, 2.0, 11.5), (1, 2, 1), 3.0)
    with torch.no_grad():
        output = model(**encoded.inputs, use_cache=True)
        found = expected_number(
            model, encoder.tokenizer, encoded, site, grid, logits=output.logits[0], cache=output.past_key_values
        )
        scores = [whole_score(model, encoder, encoded, site, text) for text in grid.texts]
    weights = torch.softmax(torch.tensor(scores) + torch.tensor([0.0, math.log(2), 0.0]), dim=0).tolist()
    expected = sum(weight * value for weight, value in zip(weights, grid.values, strict=True))
    assert found == pytest.approx(expected, abs=1e-4)


def whole_score(model: Any, encoder: Encoder, encoded: Any, site: Any, text: str) -> float:
    """Log-likelihood of the number and the character after it, without any cache."""
    first = encoded.start + encoded.answer.first_token_at(site.start)
    lead = encoded.answer.text[encoded.answer.offsets[first - encoded.start][0] : site.start]
    ids = encoder.tokenizer(lead + text + encoded.answer.text[site.end], add_special_tokens=False)["input_ids"]
    whole = torch.cat([encoded.inputs["input_ids"][:, :first], torch.tensor([ids])], dim=1)
    inputs = {**encoded.inputs, "input_ids": whole, "attention_mask": torch.ones_like(whole)}
    likelihoods = torch.log_softmax(model(**inputs).logits[0], dim=-1)
    return float(sum(likelihoods[first + i - 1, token] for i, token in enumerate(ids)))


def test_the_number_that_spells_the_value_is_found(encoder: Encoder) -> None:
    answer = encoder.answer(sample(3, frames=2))
    sites = [(span.kind, site_of(answer, span)) for span in answer.spans]
    likes = [site for kind, site in sites if kind == "likes" and site is not None]
    replay = [site for kind, site in sites if kind == "replay" and site is not None]
    assert [site.group for site in likes] == [LIKES]
    assert [site.group for site in replay] == ["Scene 1: ", "Scene 2: "]
    assert all(float(answer.text[site.start : site.end]) == site.value for site in [*likes, *replay])


def test_a_grid_stands_for_every_spelling() -> None:
    grid = make_grid([f"{i / 10}" for i in range(1000)] + ["3.0"] * 50, mean=2.5)
    assert (len(grid.texts), sum(grid.stands_for), grid.mean) == (32, 1000, 2.5)
    assert list(grid.values) == sorted(grid.values)
    assert make_grid(["1,200", "30", "30"], mean=1.0).values == (30.0, 1200.0)


def test_unigram_is_smoothed_counting(encoder: Encoder, samples: list[dict[str, Any]]) -> None:
    reference = Reference.fit(encoder, samples[:50])
    comment = KINDS.index("comment")
    tokens = [
        token
        for one in samples[:50]
        for token, kind in zip(*(lambda a: (a.ids, a.kinds))(encoder.answer(one)), strict=True)
        if kind == comment
    ]
    vocabulary = len(encoder.tokenizer)
    token = tokens[0]
    expected = -math.log((tokens.count(token) + 1) / (len(tokens) + vocabulary))
    assert reference.unigram.nll(token) == pytest.approx(expected)
    assert math.fsum(math.exp(-reference.unigram.nll(i)) for i in range(vocabulary)) == pytest.approx(1.0)
    assert reference.likes[LIKES].mean == pytest.approx(
        sum(t["value"] for one in samples[:50] for t in one["targets"] if t["kind"] == "likes") / 50
    )


def test_r2_is_against_the_training_mean() -> None:
    grid = Grid((), (), (), mean=2.0)
    assert _number_scores([(1.0, 2.0), (5.0, 2.0), (9.0, 2.0)], grid).r2 == 0.0
    assert _number_scores([(1.0, 1.0), (5.0, 5.0), (9.0, 9.0)], grid).r2 == 1.0
    # Always the held-out mean, 5: better than the training mean, though a held-out R2 would be 0.
    assert _number_scores([(1.0, 5.0), (5.0, 5.0), (9.0, 5.0)], grid).r2 == pytest.approx(1 - 32 / 59)


def learn(tiny: Path, out: Path, encoder: Encoder, *, steps: int, size: int, held_out: int) -> Any:
    training = [sample(index) for index in range(steps * size)]
    reference = Reference.fit(encoder, training)
    task = Behaviour(reference, [sample(index) for index in range(50_000, 50_000 + held_out)])
    config = tiny_config(tiny, steps=steps, micro_batch=size)
    return train(config, out, batches=feed(training, size), evaluate=task)


def test_the_preset_learns_to_speak_like_the_comments(tiny: Path, encoder: Encoder, tmp_path: Path) -> None:
    """40 steps of 8 samples: better than counting words, and the picture orders the likes (no text names it).

    R2 is left to the long test: after 320 samples it still depends on the seed (-0.05 to 0.47 over eight seeds, above
    0 for six), while Spearman was at least 0.60 and perplexity at most 1.74 for all eight.
    """
    trained = learn(tiny, tmp_path, encoder, steps=40, size=8, held_out=20)
    before, after = trained.before, trained.after
    assert before["comments"]["perplexity"] > before["unigram"]["perplexity"]
    assert after["comments"]["perplexity"] < after["unigram"]["perplexity"]
    assert after["unigram"] == before["unigram"]
    assert after["likes"][LIKES]["spearman"] > 0.3
    model, opened, config = open_export(trained.model_dir)
    first = [sample(50_000)]
    again = Behaviour(Reference.fit(opened, first), first).scores(model, opened)
    assert (config.steps, again.num_samples) == (40, 1)
    assert again.comments is not None
    assert again.comments.perplexity < after["unigram"]["perplexity"]


@pytest.mark.long
def test_the_preset_learns_likes_from_colours(tiny: Path, encoder: Encoder, tmp_path: Path) -> None:
    """100 steps of 16 samples: over five seeds R2 was 0.76 to 0.96, Spearman 0.78 to 0.95, perplexity at most 1.34."""
    after = learn(tiny, tmp_path, encoder, steps=100, size=16, held_out=60).after
    assert after["likes"][LIKES]["r2"] > 0.5
    assert after["likes"][LIKES]["spearman"] > 0.5
    assert after["comments"]["perplexity"] < 2 < after["unigram"]["perplexity"]
