"""The q-voter model (Castellano, Munoz and Pastor-Satorras, 2009) in plain loops."""

from opinions.reference_meetings import all_positions, drawn_panel, uniform


def q_voter_step(model, opinions, sources, key):
    """One step of a bound model with either schedule."""
    config, x, n = model.config, all_positions(sources, opinions), len(opinions)
    at_once = config.schedule == "synchronous"
    seen = x.copy() if at_once else x
    for update in range(n):
        i = update if at_once else int(uniform(key, update, 0) * n)
        for d, state in enumerate(_answers(model, seen, sources, key, (update, i))):
            x[i, d] = state
    return x[:n]


def _answers(model, seen, sources, key, who):
    (update, i), n, config = who, sources.n_users, model.config
    low, high = model.states
    dims = range(seen.shape[1])
    if uniform(key, update, config.q + 1) < model.values("independence", n)[i]:
        return [(low, high)[int(2 * uniform(key, update, config.q + 3 + 2 * d))] for d in dims]
    panel = drawn_panel(sources, i, (key, update), config.q, config.repetition)
    answers = []
    for d in dims:
        said = {seen[j, d] for j in panel}
        flips = uniform(key, update, config.q + 2 + 2 * d) < model.values("flip", n)[i]
        other = high if seen[i, d] == low else low
        answers.append(said.pop() if len(said) == 1 else other if said and flips else seen[i, d])
    return answers
