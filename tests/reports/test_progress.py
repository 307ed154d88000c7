"""Progress: a table on a terminal, lines in a log, failures at once, best values so far, all by a clock of our own."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from rich.console import Console

from hemicycle.core.config import Options
from hemicycle.reports.progress import Board, progress
from hemicycle.reports.tally import Best, Tally, duration
from hemicycle.studies.engine import Event
from hemicycle.studies.steps import Step


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Number(Options):
    """Tells steps apart."""

    number: int


def nothing(_):
    """Do nothing."""


@dataclass(frozen=True)
class Counted(Event):
    """An event of an engine that counts by kind."""

    totals: Mapping[str, int] = field(default_factory=dict)


class Run:
    """Tells a listener of steps as an engine does."""

    def __init__(self, listener, clock, total, totals=None):
        self.listener, self.clock, self.total, self.totals = listener, clock, total, totals
        self.done = self.failed = 0

    def tell(self, kind, number, state, told=None, **more):
        step = Step(kind, f"{kind} m-s{number}", nothing, Number(number=number))
        self.done += state != "started"
        self.failed += state == "failed"
        event = (step, state, self.done, self.total, self.failed)
        kept = {"told": told or {}, **more}
        self.listener(Event(*event, **kept) if self.totals is None else Counted(*event, totals=self.totals, **kept))

    def step(self, kind, number, seconds=2.0, **more):
        self.tell(kind, number, "started")
        self.clock.now += seconds
        self.tell(kind, number, more.pop("state", "finished"), seconds=seconds, **more)


def draw(board, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(board.draw())
    return console.file.getvalue()


def log(steps, directions=None, total=20):
    clock, console = Clock(), Console(file=io.StringIO(), soft_wrap=True)
    with progress(console, directions or {}, clock) as listener:
        steps(Run(listener, clock, total))
    return console.file.getvalue().splitlines()


# -- the live table --------------------------------------------------------------------------------------------------


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def board(clock):
    return Board({"ndcg@20": "maximize", "probe:party": "minimize"}, clock)


def test_a_row_for_each_kind_with_counts_speed_and_what_is_left(board, clock):
    run = Run(board.take, clock, 40, {"fit": 30, "probe": 10})
    for number in range(4):
        run.step("fit", number)
    run.tell("probe", 0, "started")
    lines = draw(board).splitlines()
    assert lines[0].split() == ["step", "done", "running", "failed", "per", "minute", "mean", "left"]
    assert lines[1].split() == ["fit", "4/30", "30", "2.0", "s", "52", "s"]
    assert lines[2].split() == ["probe", "0/10", "1"]
    assert lines[3].split()[:3] == ["all", "4/40", "1"]
    assert "running: probe m-s0 (0 s)" in lines[-1]


def test_without_totals_by_kind_what_is_done_is_shown_and_the_whole_is_estimated(board, clock):
    run = Run(board.take, clock, 12)
    for number in range(3):
        run.step("fit", number, seconds=10.0)
    lines = draw(board).splitlines()
    assert lines[1].split()[:2] == ["fit", "3"]
    assert lines[2].split() == ["all", "3/12", "6", "10", "s", "90", "s"]


def test_steps_found_finished_do_not_count_as_speed(board, clock):
    run = Run(board.take, clock, 100)
    for number in range(90):
        run.tell("fit", number, "cached")
    run.step("fit", 90, seconds=30.0)
    assert board.tally.left() == pytest.approx(9 * 30)
    assert board.tally.sum_row().per_minute == pytest.approx(2)


def test_two_at_once_halve_what_is_left(clock):
    tally = Tally(clock)
    run = Run(tally.take, clock, 8, {"fit": 8})
    for pair in range(2):
        for number in (2 * pair, 2 * pair + 1):
            run.tell("fit", number, "started")
        clock.now += 10
        for number in (2 * pair, 2 * pair + 1):
            run.tell("fit", number, "finished", seconds=10.0)
    assert tally.parallel() == 2
    assert tally.left() == pytest.approx(20)


def test_what_is_left_counts_each_kind_at_its_own_mean(clock):
    tally = Tally(clock)
    run = Run(tally.take, clock, 12, {"fit": 2, "probe": 10})
    run.step("fit", 0, seconds=60.0)
    run.step("probe", 0, seconds=1.0)
    assert tally.left() == pytest.approx(60 + 9)


def test_the_longest_running_step_is_named(board, clock):
    run = Run(board.take, clock, 4)
    run.tell("fit", 0, "started")
    clock.now += 300
    run.tell("probe", 1, "started")
    assert "running: fit m-s0 (5 min)" in draw(board)


def test_failures_and_blocked_steps_end_and_are_counted(board, clock):
    run = Run(board.take, clock, 3)
    run.step("fit", 0, state="failed", message="boom")
    run.tell("probe", 0, "blocked")
    row = board.tally.sum_row()
    assert (row.done, row.failed, row.run, row.running) == (2, 1, 0, {})
    assert board.tally.left() is None


def test_a_narrow_terminal_keeps_one_line_a_row(board, clock):
    run = Run(board.take, clock, 40, {"fit": 30})
    run.step("fit", 0)
    assert len(draw(board, width=60).splitlines()) == 3


def test_a_terminal_gets_the_table_and_failures_above_it(clock):
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with progress(console, clock=clock) as listener:
        run = Run(listener, clock, 2)
        run.step("fit", 0, state="failed", message="InputError: no such thing\nsecond line")
        run.step("fit", 1, told={"ndcg@20": 0.4})
    text = console.file.getvalue()
    assert "failed: fit m-s0: InputError: no such thing" in text
    assert "second line" not in text
    assert "per minute" in text
    assert "best so far: ndcg@20 0.4" in text


# -- lines in a log --------------------------------------------------------------------------------------------------


def test_a_line_at_every_tenth_and_at_most_every_five_seconds_beside():
    lines = log(lambda run: [run.step("fit", number, seconds=0.1) for number in range(20)])
    assert [line.split()[0] for line in lines] == [f"{done}/20" for done in range(2, 21, 2)]
    lines = log(lambda run: [run.step("fit", number, seconds=2.0) for number in range(100)], total=1000)
    assert len(lines) == pytest.approx(200 / 6, abs=2)


def test_a_line_says_how_fast_what_is_left_and_what_was_last():
    lines = log(lambda run: [run.step("fit", number, seconds=6.0) for number in range(2)])
    assert lines[-1] == ("2/20 steps, 0 failed, 12 s, 10 steps a minute, about 2 min left; last: fit m-s1 (6.0 s)")


def test_a_failure_is_told_at_once():
    lines = log(lambda run: run.step("fit", 0, state="failed", message="boom\ntrace"), total=1000)
    assert lines == ["failed: fit m-s0: boom"]
    assert log(lambda run: run.step("fit", 0, state="failed"), total=1000) == ["failed: fit m-s0: "]


def test_lines_end_with_the_best_so_far():
    def steps(run):
        for number, value in enumerate((0.2, 0.4, 0.3)):
            run.step("fit", number, seconds=6.0, told={"ndcg@20": value, "loss": 1.0})

    lines = log(steps, {"ndcg@20": "maximize"})
    assert lines[0].endswith("best so far: ndcg@20 0.2 (fit m-s0)")
    assert lines[-1].endswith("best so far: ndcg@20 0.4 (fit m-s1)")


def test_a_console_alone_is_enough():
    with progress(Console(file=io.StringIO())) as listener:
        Run(listener, Clock(), 1).step("fit", 0, seconds=0.0)


# -- best ------------------------------------------------------------------------------------------------------------


def best_of(directions, *told):
    best = Best(directions)
    run = Run(best.take, Clock(), len(told))
    for number, values in enumerate(told):
        run.step("fit", number, told=values)
    return best.text()


def test_the_best_goes_by_direction_and_names_its_step():
    told = ({"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 0.5}, {"a": 1.5, "b": 0.7})
    assert best_of({"a": "maximize", "b": "minimize"}, *told) == "a 2 (fit m-s1); b 0.5 (fit m-s1)"


def test_without_directions_both_ends_are_told():
    assert best_of({}, {"a": 1.0}, {"a": 3.0, "b": 2.0}) == "a 1 to 3; b 2"


def test_only_named_metrics_are_told_and_no_infinite_values():
    assert best_of({"a": "maximize"}, {"b": 1.0}) == ""
    assert best_of({"a": "maximize"}, {"a": float("nan")}, {"a": 1.0}, {"a": float("inf")}) == "a 1 (fit m-s1)"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.04, "0.0 s"), (2.345, "2.3 s"), (42, "42 s"), (120, "2 min"), (7500, "2 h 05 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
