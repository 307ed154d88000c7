"""A search with two branches and a condition, and made-up results of its trials."""

from hemicycle.search.config import SearchConfig
from hemicycle.search.sampling import propose
from hemicycle.search.space import Space
from hemicycle.search.trials import Trial

MF = {"recommender": {"model": "mf"}}
LIGHTGCN = {
    "recommender": {"model": "lightgcn"},
    "space": {"recommender.layers": {"low": 1, "high": 4, "integer": True}},
}
SHARED = {
    "recommender.dim": {"choice": [4, 8, 16]},
    "train.lr": {"low": 0.001, "high": 0.1, "log": True},
    "train.l2": {"low": 0, "high": 0.3, "step": 0.1},
    "train.loss": {"choice": ["softmax", "bpr"]},
    "train.negatives": {"low": 1, "high": 64, "integer": True, "log": True, "when": {"train.loss": "softmax"}},
}
BOTH = (
    {"metric": "ndcg@20"},
    {"metric": "probe", "label": "party", "direction": "minimize"},
)


def searched(**changes):
    """A search over two branches, with a condition, and its space."""
    values = {"branches": {"mf": MF, "lightgcn": LIGHTGCN}, "space": SHARED, "startup": 6, "trials": 40, **changes}
    config = SearchConfig.model_validate(values)
    return config, Space.of(config, {})


def quality(proposal):
    """Values that a proposal reaches here: best at a learning rate of 0.01, and more leaks from wider tables."""
    params = proposal.params
    loss = abs(params["train.lr"] - 0.01) * 5 + 0.05 * (params["train.loss"] == "bpr") + 0.1 * (proposal.branch == "mf")
    return {"ndcg@20": 0.6 - loss, "probe:party": params["recommender.dim"] / 16 - loss / 10}


def ended(proposal, generation=0, state="complete", **values):
    """A trial that came to an end."""
    reached = {} if state == "failed" else quality(proposal) | values
    return Trial(
        proposal, generation, state, reached, 3 if state == "stopped" else 9, "boom" if state == "failed" else ""
    )


def some_state(number):
    """Every fifth trial fails, every third of the others is stopped."""
    return "failed" if number % 5 == 4 else "stopped" if number % 3 == 2 else "complete"


def told(proposals, history, states=some_state):
    """History with the proposals of one more generation."""
    generation = 1 + max((trial.generation for trial in history), default=-1)
    return [*history, *(ended(p, generation, states(p.number)) for p in proposals)]


def run_search(config, space, states=some_state, propose=propose):
    """All trials of a search."""
    history = []
    while proposals := propose(config, space, history):
        history = told(proposals, history, states)
    return history
