"""Fits of topic models on small matrices, and the optional package."""

import sys
from types import ModuleType

import numpy as np
import pytest
import scipy.sparse as sp

from hemicycle.agenda.attention.topic_models import best_first, fit
from hemicycle.agenda.attention.topic_options import TopicOptions
from hemicycle.agenda.attention.topic_words import Words
from hemicycle.core.errors import InputError

BLOCKS = Words(sp.csr_array(np.kron([[1, 0], [1, 0], [0, 1]], np.ones((10, 4))).astype(int)), tuple("abcdefgh"))


@pytest.mark.parametrize("method", ["nmf", "lda"])
def test_blocks_are_told_apart_and_the_larger_comes_first(method: str) -> None:
    model = fit(BLOCKS, [], TopicOptions(topics=2, method=method), 0)
    assert model.documents.argmax(axis=1).tolist() == [0] * 20 + [1] * 10
    assert model.documents.sum(axis=1) == pytest.approx(np.ones(30))
    assert model.words.sum(axis=1) == pytest.approx(np.ones(2))
    assert model.words[0, :4].sum() > 0.9
    assert model.converged


def test_squared_differences_on_request() -> None:
    options = TopicOptions(topics=2, loss="frobenius")
    model = fit(BLOCKS, [], options, 0)
    assert model.documents.argmax(axis=1).tolist() == [0] * 20 + [1] * 10
    assert not np.array_equal(model.words, fit(BLOCKS, [], options.replace(loss="kullback-leibler"), 0).words)


def test_a_fit_that_was_cut_short_says_so() -> None:
    assert not fit(BLOCKS, [], TopicOptions(topics=2, iterations=1), 0, start=1).converged


@pytest.mark.parametrize("method", ["nmf", "lda"])
def test_seeds_and_starts_matter_and_nothing_else(method: str) -> None:
    options = TopicOptions(topics=4, method=method, iterations=2)
    one, same, seed, start = (fit(BLOCKS, [], options, *keys).words for keys in ((0, 1), (0, 1), (1, 1), (0, 2)))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, seed)
    assert not np.array_equal(one, start)


@pytest.mark.parametrize("method", ["nmf", "lda"])
def test_documents_without_words_have_no_topic(method: str) -> None:
    silent = Words(sp.csr_array(np.vstack([BLOCKS.counts.toarray(), np.zeros((1, 8), int)])), BLOCKS.words)
    assert np.isnan(fit(silent, [], TopicOptions(topics=2, method=method), 0).documents).any(axis=1).sum() == 1


def test_the_best_start_is_used() -> None:
    fits = [fit(BLOCKS, [], TopicOptions(topics=2, method="lda", iterations=n), 0, n) for n in (1, 9)]
    assert best_first(fits)[0] is fits[1]
    assert fits[1].loss < fits[0].loss


def test_too_many_topics() -> None:
    with pytest.raises(InputError, match="9 topics cannot be told apart in 30 texts with 8 different words"):
        fit(BLOCKS, [], TopicOptions(topics=9), 0)


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bertopic", None)
    with pytest.raises(InputError, match="pip install 'hemicycle"):
        fit(BLOCKS, [], TopicOptions(topics=2, method="bertopic"), 0)


def test_bertopic_is_called_with_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in that puts documents into clusters, one of them an outlier."""
    seen: dict[str, object] = {}

    class Umap:
        def __init__(self, **keys: object) -> None:
            seen.update(keys)

    class Bertopic:
        def __init__(self, **keys: object) -> None:
            seen.update(keys)

        def fit_transform(self, texts: list[str]) -> tuple[list[int], None]:
            return [-1, *[0] * (len(texts) - 11), *[1] * 10], None

    for name, member, value in (("bertopic", "BERTopic", Bertopic), ("umap", "UMAP", Umap)):
        module = ModuleType(name)
        setattr(module, member, value)
        monkeypatch.setitem(sys.modules, name, module)
    model = fit(BLOCKS, [""] * 30, TopicOptions(topics=2, method="bertopic"), 0)
    assert np.isnan(model.documents[0]).all()
    assert model.documents[1:].argmax(axis=1).tolist() == [0] * 19 + [1] * 10
    assert model.words[1, 4:].sum() == pytest.approx(1)
    assert seen["nr_topics"] == 3
    assert isinstance(seen["random_state"], int)
