"""Which language a comment is in, by langdetect's own algorithm, and which are kept."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pyarrow as pa
import pytest
from langdetect.lang_detect_exception import LangDetectException

from pipelines.comments.detector import detect, profiles
from pipelines.comments.language import Language
from pipelines.step import REASON

SENTENCES = {
    "en": "I really think that this is one of the best pictures of the year",
    "fr": "Je pense vraiment que c'est une des plus belles photos de l'année",
    "de": "Ich glaube wirklich, dass das eines der schönsten Bilder des Jahres ist",
    "es": "Creo que esta es una de las mejores fotos que he visto este año",
    "ru": "Я думаю, что это одна из лучших фотографий этого года",
    "el": "Νομίζω ότι αυτή είναι μία από τις καλύτερες φωτογραφίες",
    "ko": "올해 최고의 사진 중 하나라고 생각합니다",
    "ja": "今年一番の写真の一つだと本当に思います",
    "zh": "我真的认为这是今年最好的照片之一",
    "ar": "أعتقد حقا أن هذه واحدة من أفضل الصور هذا العام",
}


def run(step: Language, texts: list[str | None]) -> list[tuple[str | None, str | None]]:
    done = step(pa.table({"text": pa.array(texts, pa.string())}))
    return list(zip(done["language"].to_pylist(), done[REASON].to_pylist(), strict=True))


def by_library(text: str, seed: int) -> tuple[str | None, float]:
    detector = profiles(seed).factory.create()
    detector.append(text)
    try:
        best = detector.get_probabilities()[0]
    except LangDetectException:
        return None, 0.0
    return best.lang, best.prob


def compare(texts: list[str], seed: int) -> None:
    names, scores = detect(texts, seed=seed)
    for text, name, score in zip(texts, names, scores.tolist(), strict=True):
        expected, probability = by_library(text, seed)
        assert (name, score) == (expected, pytest.approx(probability, abs=1e-9)), text


def test_answers_are_those_of_the_library() -> None:
    words = [word for text in SENTENCES.values() for word in text.split()]
    rng = random.Random(5)
    mixed = [" ".join(rng.choices(words, k=k)) for k in (1, 1, 1, 1, 2, 2, 3, 4, 6, 9, 15, 30, 60)]
    odd = ["", " ", "1234", "😍", "lol", "a", "Z", "http://example.org/a", "a@example.org", "ÀÉ", "\x00", "x" * 300]
    for seed in (0, 7):
        compare([*SENTENCES.values(), *mixed, *odd], seed)


def test_ngrams_are_those_of_the_library() -> None:
    letters = "aAbB zZ.é É\u0301ß漢字かなカナ한ब🙂\u0219\u06ccếﬁ\n\t1@:/"
    rng = random.Random(1)
    texts = ["".join(rng.choices(letters, k=rng.randint(0, 40))) for _ in range(3000)]
    known = profiles(0)
    for text in [*texts, "HELLO World THis IS A b", "x" * 20_000, "ab  " * 8_000, "at https://a.org/c  d  me@x.org e"]:
        detector = known.factory.create()
        detector.append(text)
        detector.cleaning_text()
        assert known.grams(text) == [known.row_of[gram] for gram in detector._extract_ngrams()], text


@pytest.mark.real
def test_answers_are_those_of_the_library_on_tweets() -> None:
    data = Path(os.environ.get("POSTLAKE_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
    file = data / "langid_xlmt_tweets/xlm-t/data/sentiment/all/val_text.txt"
    if not file.exists():
        pytest.skip(f"no real data at {data}")
    compare(file.read_text(encoding="utf-8").split("\n")[:2592:9], 0)


def test_languages_are_told() -> None:
    found = run(Language(accept=()), list(SENTENCES.values()))
    assert found == [(code, None) for code in SENTENCES]


def test_only_accepted_languages_stay() -> None:
    found = run(Language(accept=("en", "ru")), list(SENTENCES.values()))
    assert [reason for _, reason in found] == [None if c in ("en", "ru") else "not_language" for c in SENTENCES]
    # Those without a Latin or Cyrillic letter are not asked about.
    assert [language for language, _ in found][5:] == [None] * 5


@pytest.mark.parametrize("text", ["lol", "so cute", "first!", "haha wow", "😍", "123 456", ""])
def test_too_little_to_tell_is_kept(text: str | None) -> None:
    assert run(Language(), [text]) == [("und", None)]


def test_no_text_has_no_language() -> None:
    assert run(Language(), [None]) == [(None, None)]


def test_an_unsure_verdict_is_undetermined() -> None:
    text = SENTENCES["fr"]
    assert run(Language(), [text]) == [("fr", "not_language")]
    assert run(Language(min_letters=100), [text]) == [("und", None)]
    unsure = "die photo is super nice"
    (score,) = detect([unsure], seed=0)[1].tolist()
    assert 0.5 < score < 0.6
    assert run(Language(), [unsure]) == [("und", None)]
    assert run(Language(min_score=0.5), [unsure]) == [("it", "not_language")]


def test_off_asks_nothing() -> None:
    table = pa.table({"text": list(SENTENCES.values())})
    done = Language(backend="off")(table)
    assert done.select(["text"]).equals(table)
    assert done[REASON].null_count == len(SENTENCES)
    assert "language" not in done.column_names


def test_equal_texts_get_equal_answers_whatever_stands_beside_them() -> None:
    alone = run(Language(accept=()), [SENTENCES["de"]])
    assert run(Language(accept=()), ["another text in front of it", SENTENCES["de"], SENTENCES["de"]])[1:] == alone * 2
