"""What people do must follow from what the pictures show, as far as a plain look at the files can tell."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipelines.synthetic import synthesize
from pipelines.synthetic.words import COLOUR_WORDS
from tests.pipelines.synthetic.conftest import World


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("synthetic") / "large"
    return World(out, synthesize(out, posts=2_500, seed=8, media=0, broken=False))


def _r2(features: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """R2 on every second row of a linear fit to the others, against the mean of the fitted rows."""
    design = np.hstack([features, np.ones((len(features), 1))])
    weights = np.linalg.lstsq(design[::2], wanted[::2], rcond=None)[0]
    missed = ((design[1::2] @ weights - wanted[1::2]) ** 2).sum()
    return float(1 - missed / ((wanted[1::2] - wanted[::2].mean()) ** 2).sum())


def _one_hot(rows: list[dict[str, object]]) -> NDArray[np.float64]:
    columns = sorted({(name, row[name]) for row in rows for name in ("colour", "shape", "light")}, key=str)
    return np.array([[float(row[name] == value) for name, value in columns] for row in rows])


def test_what_is_shown_explains_most_of_the_likes_but_not_all(large: World) -> None:
    rows = large.shown()
    videos = [row for row in rows if row["form"] == "youtube"]
    share = np.array([row["likes"] / row["views"] for row in videos])
    assert 0.75 < _r2(_one_hot(videos), share) < 0.99
    reddit = [row for row in rows if row["upvote_percent"] is not None]
    assert 0.5 < _r2(_one_hot(reddit), np.array([row["upvote_percent"] for row in reddit], float)) < 0.99
    assert 0.5 < _r2(_one_hot(reddit), np.log2([row["likes"] + 1 for row in reddit])) < 0.99


def _colours_seen(path: Path) -> NDArray[np.float64]:
    """Share of the vivid pixels in each of 12 hues, and the mean brightness."""
    with Image.open(path) as picture:
        hue, saturation, value = np.moveaxis(np.asarray(picture.convert("HSV"), np.int64), 2, 0)
    vivid = (saturation > 90) & (value > 60)
    counts = np.bincount(hue[vivid] * 12 // 256, minlength=12)
    return np.append(counts / max(vivid.sum(), 1), value.mean() / 255)


def test_the_pixels_themselves_foretell_the_upvotes(tmp_path: Path) -> None:
    world = World(tmp_path, synthesize(tmp_path, posts=900, seed=2, comments_per_post=0, broken=False, media=280))
    rows = [row for row in world.shown() if row["form"] == "image" and row["copy"] is None and row["drawn"]]
    features = np.array([_colours_seen(tmp_path / "media" / row["media"][0]) for row in rows])
    assert len(rows) > 70
    assert _r2(features, np.array([row["upvote_percent"] for row in rows], float)) > 0.3


def test_titles_do_not_give_the_answer_away(large: World) -> None:
    # Colour words stand in fewer than one title in five.
    words = {word for names in COLOUR_WORDS.values() for word in names}
    titles = [record["title"] for _, record in large.reddit("RS") if not record["is_self"]]
    telling = [title for title in titles if any(f" {word}" in title for word in words)]
    assert 0 < len(telling) < len(titles) / 5


def test_the_replay_curve_peaks_in_the_hot_scene(large: World) -> None:
    shown = {row["post_id"]: row for row in large.shown()}
    files = sorted((large.out / "youtube").glob("*.info.json"))
    assert len(files) > 100
    for path in files:
        info = json.loads(path.read_text())
        row = shown[f"youtube:{info['id']}"]
        heat = np.array([bin_["value"] for bin_ in info["heatmap"]])
        scene = (2 * np.arange(100) + 1) * row["scenes"] // 200
        means = [heat[scene == number].mean() for number in range(row["scenes"])]
        assert int(np.argmax(means)) == row["hot_scene"]
        assert int(scene[heat.argmax()]) == row["hot_scene"]


def _sentences(world: World) -> dict[str, list[list[str]]]:
    """The plain comments of Reddit in words, by the colour of what they are about."""
    planted = {fact["comment_id"] for fact in world.facts()}
    colour = {row["post_id"].removeprefix("reddit:"): row["colour"] for row in world.shown()}
    found: dict[str, list[list[str]]] = {}
    for _, record in world.reddit("RC"):
        if f"reddit:{record['id']}" not in planted:
            about = colour[record["link_id"].removeprefix("t3_")]
            found.setdefault(about, []).append(["<s>", *record["body"].lower().split(), "</s>"])
    return found


def _perplexities(sentences: list[list[str]]) -> tuple[float, float]:
    """Of every second sentence, by a unigram model of the others and by a bigram model backed by it."""
    train, test = sentences[::2], sentences[1::2]
    words = Counter(word for sentence in train for word in sentence[1:])
    pairs = Counter(pair for sentence in train for pair in pairwise(sentence))
    before = Counter(word for sentence in train for word in sentence[:-1])
    total, types = sum(words.values()), len(words) + 1
    alone, together = [], []
    for sentence in test:
        for first, second in pairwise(sentence):
            unigram = (words[second] + 1) / (total + types)
            alone.append(unigram)
            together.append((pairs[first, second] + 5 * unigram) / (before[first] + 5))
    return float(np.exp(-np.log(alone).mean())), float(np.exp(-np.log(together).mean()))


def test_comments_have_an_order_to_learn_and_speak_of_the_colour(large: World) -> None:
    groups = _sentences(large)
    unigram, bigram = _perplexities([sentence for group in groups.values() for sentence in group])
    assert unigram > 100
    assert bigram < unigram / 5
    # Who sees the colour can foretell words that the others cannot.
    assert np.mean([_perplexities(group)[0] for group in groups.values()]) < unigram * 0.9


def test_comments_vary(large: World) -> None:
    sentences = [" ".join(sentence) for group in _sentences(large).values() for sentence in group]
    assert len(set(sentences)) > 0.6 * len(sentences)
