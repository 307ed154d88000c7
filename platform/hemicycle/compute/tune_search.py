"""What Ray Tune's loop asks and tells: the proposals of our own search, and what became of them."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from hemicycle.search.config import Halving
from hemicycle.search.journal import Ended, Journal
from hemicycle.search.sequential import AsyncSearch, Reached, ended
from hemicycle.search.trials import Proposal

EPOCH = "epoch"
"""Name under which a trial reports how far it was trained."""
VALUES = "values/"
"""What Tune puts before the names of a trial's values."""
_DIED = "the trial's process ended again and again without an error of its own: killed, or out of memory"
_MOST_RUNGS = 40


class AskAndTell(Searcher):  # type: ignore[misc]  # Ray is untyped
    """Hands our proposals to Tune, and what became of them back.

    Tune's own ``OptunaSearch`` is not enough: with a space of conditions it cannot be told of earlier trials, it never
    hears of constraints, and it takes a trial that failed for one that was pruned.

    Args:
        search: proposes.
        journal: keeps.
    """

    def __init__(self, search: AsyncSearch, journal: Journal) -> None:
        super().__init__()
        self.search = search
        self.problem: Exception | None = None
        self._journal = journal
        self._proposals: dict[str, Proposal] = {}
        self._rungs: dict[str, dict[int, float]] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Return Tune's configuration of a new trial."""
        proposal = self.search.ask()
        if proposal is None:
            return str(Searcher.FINISHED)
        self._journal.ask(proposal)
        self._proposals[trial_id] = proposal
        return {"proposal": proposal}

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """Remember what the trial has at a rung."""
        halving = self.search.config.halving
        if halving is not None and "error" not in result:
            self._rungs.setdefault(trial_id, {})[result[EPOCH]] = result[VALUES + halving.metric]

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        """Keep how a trial ended; Tune calls it without a result for one that it never ran."""
        if trial_id not in self._proposals or (result is None and not error):
            return
        reached = Reached(0, {}, 0.0, last=True, error=_DIED) if result is None else read_report(result)
        found = ended(self._proposals.pop(trial_id), reached, self._rungs.pop(trial_id, {}))
        try:
            self._journal.end(found)
        except Exception as problem:  # noqa: BLE001 - Tune would take it for the trial's failure
            self.problem = problem
            self.search.close()
        self.search.end(found)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is what a search goes on from."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, as above."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


def report_of(reached: Reached) -> dict[str, Any]:
    """What a trial reports to Tune."""
    told = {EPOCH: reached.epochs, "seconds": reached.seconds, "last": reached.last}
    return told | ({"error": reached.error} if reached.error else {VALUES[:-1]: dict(reached.values)})


def read_report(result: Mapping[str, Any]) -> Reached:
    """Inverse of :func:`report_of`, of what Tune makes of it."""
    values = {key.removeprefix(VALUES): value for key, value in result.items() if key.startswith(VALUES)}
    return Reached(result[EPOCH], values, result["seconds"], last=result["last"], error=result.get("error", ""))


def scheduler(halving: Halving | None, before: Iterable[Ended]) -> TrialScheduler:
    """Return who stops trials, told of the rungs of an earlier run."""
    if halving is None:
        return FIFOScheduler()
    metric = VALUES + halving.metric
    most = halving.first * halving.factor**_MOST_RUNGS  # trials end by themselves
    stages = {"grace_period": halving.first, "reduction_factor": halving.factor, "max_t": most}
    found = ASHAScheduler(time_attr=EPOCH, metric=metric, mode="max", **stages)
    for one in before:
        past = SimpleNamespace(trial_id=f"before-{one.trial.number}")
        found.on_trial_add(None, past)
        for epochs, value in one.rungs.items():
            found.on_trial_result(None, past, {EPOCH: epochs, metric: value})
    return found
