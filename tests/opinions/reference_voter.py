"""The voter model (Clifford and Sudbury, 1973; Holley and Liggett, 1975) in plain loops."""

from opinions.reference_meetings import all_positions, drawn_source, uniform


def voter_step(model, opinions, sources, key):
    """One step of a model with either schedule."""
    x, n = all_positions(sources, opinions), len(opinions)
    at_once = model.config.schedule == "synchronous"
    seen = x.copy() if at_once else x
    for update in range(n):
        i = update if at_once else int(uniform(key, update, 0) * n)
        j = drawn_source(sources, i, uniform(key, update, 1))
        if j is not None:
            x[i] = seen[j]
    return x[:n]
