"""The majority rule (Galam, 1986; Krapivsky and Redner, 2003) in plain loops."""

from collections import Counter

from opinions.reference_meetings import all_positions, drawn_panel, seen_by, uniform


def majority_rule_step(model, opinions, sources, key):
    """One step of a model with either schedule."""
    if model.config.schedule == "synchronous":
        return _look_around(opinions, sources)
    x, n, size = all_positions(sources, opinions), len(opinions), model.config.size
    for meeting in range(max(1, n // size)):
        i = int(uniform(key, meeting, 0) * n)
        group = [i, *drawn_panel(sources, i, (key, meeting), size - 1, repetition=False)]
        group = group if len(group) % 2 else group[:-1]
        for d in range(x.shape[1]):
            (most, _), *_ = Counter(x[member, d] for member in group).most_common()
            for member in group:
                if member < n:
                    x[member, d] = most
    return x[:n]


def _look_around(opinions, sources):
    x, after = all_positions(sources, opinions), opinions.copy()
    for i in range(len(opinions)):
        ids, weights = seen_by(sources, i)
        for d in range(opinions.shape[1]):
            votes = Counter({x[i, d]: 1.0})
            for j, weight in zip(ids, weights, strict=True):
                votes[x[j, d]] += weight
            best = max(votes, key=votes.get)
            after[i, d] = best if votes[best] > votes[x[i, d]] else x[i, d]
    return after
