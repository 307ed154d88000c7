"""A search whose next trial is proposed as soon as one ends: the rules, and the search in this process.

Nothing here depends on who carries the trials out: :func:`run_sequential` does it one after the other, and
:mod:`hemicycle.compute.tune` many at a time.
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from hemicycle.core.errors import HemicycleError
from hemicycle.search.config import Halving, SearchConfig
from hemicycle.search.journal import Ended, Journal
from hemicycle.search.sampling import propose
from hemicycle.search.space import Space
from hemicycle.search.trials import Proposal, Runner, State, Trial


@dataclass(frozen=True)
class Reached:
    """Where a trial stands after a rung, or that it failed.

    Args:
        epochs: epochs trained.
        values: what the runner returned; empty when it failed.
        seconds: computing time so far, in seconds.
        last: whether nothing comes after it.
        error: first line of what went wrong.
    """

    epochs: int
    values: Mapping[str, float]
    seconds: float
    last: bool
    error: str = ""


def ended(proposal: Proposal, reached: Reached, rungs: Mapping[int, float] | None = None) -> Ended:
    """Return what became of a proposal that goes no further than ``reached``; it had ``rungs`` at its rungs."""
    state: State = "failed" if reached.error else "complete" if reached.last else "stopped"
    trial = Trial(proposal, 0, state, dict(reached.values), reached.epochs, reached.error)
    return Ended(trial, reached.seconds, dict(rungs or {}))


class Rungs:
    """Who goes on from a rung: asynchronous successive halving in its stopping form (Li et al., MLSys 2020, section 3).

    A trial goes on unless its value is below the quantile 1 - 1 / ``factor`` of those that came to the rung before it;
    the first goes on. It is the rule of Ray Tune's ``ASHAScheduler``, so that both executors stop alike.

    Args:
        halving: its declaration; None: all go on.
    """

    def __init__(self, halving: Halving | None) -> None:
        self._halving = halving
        self._values: dict[int, list[float]] = {}

    def metric(self, values: Mapping[str, float]) -> float:
        """What decides, of a trial's values; NaN without halving."""
        return values[self._halving.metric] if self._halving is not None else math.nan

    def goes_on(self, epochs: int, value: float) -> bool:
        """Take in what a trial has at a rung, and say whether it goes on."""
        if self._halving is None:
            return True
        known = self._values.setdefault(epochs, [])
        enough = not known or not value < np.quantile(known, 1 - 1 / self._halving.factor)
        if not math.isnan(value):
            known.append(value)
        return enough


class AsyncSearch:
    """What was asked, runs and has ended; proposes the next trial from all that has ended.

    Args:
        config: the search.
        space: its space.
        ended: trials of an earlier, interrupted run.
        unfinished: proposals of an earlier run whose trials did not end; they come first.
        gpus: GPUs that one trial holds.
    """

    def __init__(
        self,
        config: SearchConfig,
        space: Space,
        ended: Iterable[Ended] = (),
        unfinished: Iterable[Proposal] = (),
        gpus: int = 0,
    ) -> None:
        self.config, self.space, self.gpus = config.model_copy(update={"generation": 1}), space, gpus
        self._ended = {one.trial.number: one for one in ended}
        self._queue = [p for p in sorted(unfinished, key=lambda p: p.number) if p.number not in self._ended]
        self._running: dict[int, Proposal] = {}
        self._closed = False

    @property
    def trials(self) -> list[Trial]:
        """Trials that have ended, by number."""
        return [self._ended[number].trial for number in sorted(self._ended)]

    @property
    def left(self) -> int:
        """How many trials may still end."""
        return max(0, self.config.trials - len(self._ended))

    @property
    def over(self) -> bool:
        """Whether nothing runs and nothing more will be asked."""
        return not self._running and not self._queue and (self._closed or self.left == 0)

    def ask(self) -> Proposal | None:
        """Return the next trial to run; None when there is none."""
        proposal = self._queue.pop(0) if self._queue else self._new()
        if proposal is None:
            self._closed = True
            return None
        self._running[proposal.number] = proposal
        return proposal

    def end(self, ended: Ended) -> None:
        """Take in how a trial ended."""
        self._running.pop(ended.trial.number, None)
        self._ended[ended.trial.number] = ended

    def close(self) -> None:
        """Ask for nothing more."""
        self._closed, self._queue = True, []

    def _new(self) -> Proposal | None:
        if self._closed or self._spent():
            return None
        proposals = propose(self.config, self.space, self.trials, list(self._running.values()))
        number = 1 + max([*self._ended, *self._running], default=-1)
        return replace(proposals[0], number=number) if proposals else None

    def _spent(self) -> bool:
        seconds = sum(one.seconds for one in self._ended.values())
        most, most_gpu = self.config.seconds, self.config.gpu_hours
        too_long = most is not None and seconds >= most
        return too_long or (most_gpu is not None and seconds * self.gpus / 3600 >= most_gpu)


def advance(runner: Runner, proposal: Proposal) -> Iterator[Reached]:
    """Run a trial rung by rung; an error is the last thing that it comes to."""
    start, epochs = time.perf_counter(), 0
    try:
        rungs = runner.rungs(proposal)
        for rung, target in enumerate(rungs):
            values = dict(runner.run(proposal, rung))
            epochs = target
            yield Reached(epochs, values, time.perf_counter() - start, last=target == rungs[-1])
    except Exception as error:  # noqa: BLE001 - a failed trial is a recorded row, whatever failed
        yield Reached(epochs, {}, time.perf_counter() - start, last=True, error=first_line(error))


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, with its class unless it is one of ours."""
    text = str(error) if isinstance(error, HemicycleError) else f"{type(error).__name__}: {error}"
    return next(iter(text.splitlines()), "")


def run_sequential(config: SearchConfig, space: Space, runner: Runner, journal: Journal) -> list[Trial]:
    """Search in this process, one trial after the other.

    Args:
        config: the search.
        space: its space.
        runner: carries the trials out.
        journal: of this search; what an earlier run wrote there is not run again.

    Returns:
        All trials, by number; one that failed is among them.

    Raises:
        KeyboardInterrupt: the trial under way is lost but for its finished rungs; the same call goes on with it.
    """
    before, rungs = journal.ended(), Rungs(config.halving)
    for one in before:
        for epochs, value in one.rungs.items():
            rungs.goes_on(epochs, value)
    gpus = config.workers * min(1, torch.cuda.device_count())
    search = AsyncSearch(config, space, before, journal.asked(), gpus)
    while (proposal := search.ask()) is not None:
        journal.ask(proposal)
        one = _run_trial(runner, proposal, rungs)
        journal.end(one)
        search.end(one)
    return search.trials


def _run_trial(runner: Runner, proposal: Proposal, rungs: Rungs) -> Ended:
    seen: dict[int, float] = {}
    for reached in advance(runner, proposal):
        if not reached.error:
            seen[reached.epochs] = rungs.metric(reached.values)
        if reached.last or not rungs.goes_on(reached.epochs, seen[reached.epochs]):
            return ended(proposal, reached, {at: value for at, value in seen.items() if not math.isnan(value)})
    raise AssertionError("a trial has at least one rung")
