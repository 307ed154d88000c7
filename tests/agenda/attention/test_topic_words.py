"""Words of documents, the words of topics and their coherence."""

import numpy as np
import pytest

from hemicycle.agenda.attention.stop_words import FRENCH, stop_words
from hemicycle.agenda.attention.topic_options import WordOptions
from hemicycle.agenda.attention.topic_words import Words, coherence, top_words, words_of
from hemicycle.core.errors import InputError

FEW = WordOptions(least_documents=1, most_documents=1.0)


def test_stop_words_handles_and_addresses_go() -> None:
    texts = ["RT @someone L'économie d'aujourd'hui, https://t.co/x9 et l\u2019État", "The economy of today 2024"]
    assert words_of(texts, FEW).words == ("economy", "today", "économie", "état")


def test_languages_and_further_words() -> None:
    texts = ["le chat the cat Chien"]
    assert words_of(texts, FEW.replace(languages=("fr",))).words == ("cat", "chat", "chien", "the")
    assert words_of(texts, FEW.replace(stop_words=("CHAT", "l'chien"))).words == ("cat",)
    assert words_of(texts, FEW.replace(languages=())).words == ("cat", "chat", "chien", "le", "the")


def test_pairs() -> None:
    assert "gilets jaunes" in words_of(["gilets jaunes"], FEW.replace(pairs=True)).words


def test_rare_and_frequent_words_do_not_count() -> None:
    texts = ["vote taxes"] * 6 + ["vote école"] * 4 + ["vote hapax"]
    assert words_of(texts, WordOptions(least_documents=2, most_documents=0.9)).words == ("taxes", "école")
    with pytest.raises(InputError, match="no word stands in at least 10"):
        words_of(texts, WordOptions())
    with pytest.raises(InputError, match="no word stands"):
        words_of(["le la les"], FEW)


def test_french_list_is_lower_case_and_spares_issues() -> None:
    assert {"le", "nous", "étaient", "parce"} <= FRENCH
    assert not {"état", "droit", "travail", "été ", "france"} & FRENCH
    assert all(word == word.lower() for word in FRENCH)
    assert {"jusqu", "celui", "hui", "aujourd"} <= set(stop_words(("fr",)))


def test_tfidf_has_documents_of_length_one() -> None:
    words = words_of(["impôt impôt école", "école", "le"], FEW)
    assert np.linalg.norm(words.tfidf.toarray(), axis=1) == pytest.approx([1, 1, 0])
    assert words.spoken.tolist() == [True, True, False]


def test_top_words() -> None:
    assert top_words(np.array([[0.1, 0.5, 0.5, 0.2]]), 3).tolist() == [[1, 2, 3]]


def literal_npmi(holds: np.ndarray, top: np.ndarray) -> float:
    """The formula, pair by pair."""
    found = []
    for a in range(len(top)):
        for b in range(a + 1, len(top)):
            one, two = holds[:, top[a]], holds[:, top[b]]
            both = (one & two).mean()
            found.append(-1.0 if both == 0 else np.log(both / one.mean() / two.mean()) / -np.log(both))
    return float(np.mean(found))


def test_coherence_is_the_formula() -> None:
    texts = ["alpha beta", "alpha beta gamma", "gamma delta", "delta", "alpha delta"]
    words = words_of(texts, FEW)
    top = np.array([[0, 1, 2], [1, 2, 3]])
    holds = words.counts.toarray() > 0
    assert coherence(words, top) == pytest.approx([literal_npmi(holds, row) for row in top])


def test_ends_of_coherence() -> None:
    together = words_of(["alpha beta", "alpha beta", "gamma delta"], FEW)
    places = {word: place for place, word in enumerate(together.words)}
    pair = [[places["alpha"], places["beta"]], [places["alpha"], places["gamma"]]]
    assert coherence(together, np.array(pair)) == pytest.approx([1, -1])
    everywhere = words_of(["alpha beta", "alpha beta"], FEW)
    assert coherence(everywhere, np.array([[0, 1]])) == pytest.approx([1])
    assert isinstance(everywhere, Words)
