"""What is kept, and what makes it another thing."""

import numpy as np

from hemicycle.probes.recent import Recent, digest, size_of


def test_oldest_results_go_first_and_the_last_stays():
    made = []
    recent = Recent(2000)

    def make(name, size):
        return recent.get(name, lambda: made.append(name) or np.zeros(size))

    for name, size in (("a", 100), ("b", 100), ("a", 100), ("c", 100), ("b", 100), ("huge", 1000), ("huge", 1000)):
        make(name, size)
    assert made == ["a", "b", "c", "b", "huge"]


def test_size_counts_arrays_in_containers():
    assert size_of({"a": [np.zeros(2), (np.zeros(1), "text")]}) == 24


def test_digest_tells_content_type_and_place():
    numbers, words = np.arange(3), np.array(["a", None, "b"], object)
    known = [digest([numbers, words]), digest([words, numbers]), digest([numbers, words], "more")]
    known += [digest([numbers.astype(float), words]), digest([numbers, None]), digest([numbers, words[::-1]])]
    assert len(set(known)) == len(known)
    assert digest([numbers.copy(), words.copy()]) == known[0]
