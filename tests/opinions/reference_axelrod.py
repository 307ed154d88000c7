"""Axelrod (1997) in plain loops."""

from opinions.reference_meetings import all_positions, drawn_source, uniform


def axelrod_step(opinions, sources, key):
    """One step: as many meetings as users."""
    x, n = all_positions(sources, opinions), len(opinions)
    features = x.shape[1]
    for meeting in range(n):
        i = int(uniform(key, meeting, 0) * n)
        j = drawn_source(sources, i, uniform(key, meeting, 1))
        if j is None:
            continue
        differing = [f for f in range(features) if x[i, f] != x[j, f]]
        similarity = (features - len(differing)) / features
        if differing and uniform(key, meeting, 2) < similarity:
            feature = differing[int(uniform(key, meeting, 3) * len(differing))]
            x[i, feature] = x[j, feature]
    return x[:n]
