"""The noisy voter model (Kirman, 1993; Granovsky and Madras, 1995) in plain loops."""

from opinions.reference_meetings import all_positions, drawn_source, uniform


def noisy_voter_step(model, opinions, sources, key):
    """One step of a bound model with either schedule."""
    x, n = all_positions(sources, opinions), len(opinions)
    at_once, noise, states = model.config.schedule == "synchronous", model.values("noise", n), model.states
    seen = x.copy() if at_once else x
    for update in range(n):
        i = update if at_once else int(uniform(key, update, 0) * n)
        if uniform(key, update, 2) < noise[i]:
            for d in range(x.shape[1]):
                x[i, d] = states[int(uniform(key, update, 4 + 2 * d) * len(states))]
            continue
        j = drawn_source(sources, i, uniform(key, update, 1))
        if j is not None:
            x[i] = seen[j]
    return x[:n]
