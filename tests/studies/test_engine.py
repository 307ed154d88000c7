"""The engine with steps of a line each: what is skipped, retried, blocked, followed and remade."""

from collections import Counter

import pytest

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder, StorageError
from hemicycle.studies.engine import FAILED, _batches, execute
from hemicycle.studies.executor import LocalExecutor
from hemicycle.studies.steps import Cost, Step

CALLS = Counter()
BROKEN = set()


class Amount(Options):
    name: str = "a"
    value: int = 1


def add(work):
    """Write the sum of a value and of what the inputs hold."""
    name = work.options.name
    CALLS[name] += 1
    if name in BROKEN:
        work.out.write_json("half", 0)
        raise ValueError(f"{name} is broken\nsecond line")
    before = sum(folder.read_json("sum") for folder in work.inputs.values())
    work.out.write_json("sum", work.options.value + before)


def refuse(work):
    raise InputError("this cannot be used", "file.csv:3", "correct it")


def step(name, *inputs, function=add, **changes):
    given = {f"input {i}": before for i, before in enumerate(inputs)}
    return Step("add", f"add {name}", function, Amount(name=name), given, **changes)


@pytest.fixture(autouse=True)
def fresh():
    CALLS.clear()
    BROKEN.clear()


@pytest.fixture
def store(tmp_path):
    return Folder.at(tmp_path)


class Heard(list):
    def __call__(self, event):
        self.append(event)

    def states(self):
        return [(event.step.title.removeprefix("add "), event.state) for event in self]


def run(store, *steps, **options):
    heard = Heard()
    return execute(steps, store, LocalExecutor(), heard, **options), heard


def states(outcome):
    return {outcome.steps[key].title.removeprefix("add "): state for key, state in outcome.states.items()}


def value(store, wanted):
    return wanted.folder(store).read_json("sum")


# -- what runs -------------------------------------------------------------------------------------------------------


def test_steps_run_after_what_they_build_on(store):
    a, b = step("a"), step("b")
    c = step("c", a, b)
    outcome, heard = run(store, step("d", c, a))
    assert states(outcome) == dict.fromkeys("abcd", "finished")
    assert value(store, c) == 3
    assert value(store, step("d", c, a)) == 5
    order = [name for name, state in heard.states() if state == "started"]
    assert order.index("c") > max(order.index("a"), order.index("b"))
    assert order[-1] == "d"
    assert (heard[-1].done, heard[-1].total, heard[-1].failed) == (4, 4, 0)


def test_what_is_finished_is_not_run_again(store):
    run(store, step("b", step("a")))
    outcome, heard = run(store, step("b", step("a")))
    assert states(outcome) == {"a": "cached", "b": "cached"}
    assert "started" not in dict(heard.states()).values()
    assert CALLS == {"a": 1, "b": 1}
    assert outcome.count("cached") == 2


def test_nobody_is_asked_when_nothing_is_to_be_done(store):
    class Nobody(LocalExecutor):
        def check(self):
            raise InputError("nobody is here")

    with pytest.raises(InputError, match="nobody"):
        execute([step("a")], store, Nobody(), Heard())
    assert not step("a").folder(store).exists()
    run(store, step("a"))
    assert states(execute([step("a")], store, Nobody(), Heard())) == {"a": "cached"}


def test_a_step_wanted_twice_runs_once(store):
    outcome, _ = run(store, step("a"), step("b", step("a")), step("a"))
    assert CALLS == {"a": 1, "b": 1}
    assert len(outcome.steps) == 2


def test_an_interrupted_step_runs_again(store):
    a = step("a")
    a.folder(store).write_json("sum", 99)
    assert states(run(store, a)[0]) == {"a": "finished"}
    assert value(store, a) == 1


# -- failures --------------------------------------------------------------------------------------------------------


def test_a_failure_is_a_row_and_blocks_only_what_builds_on_it(store):
    BROKEN.add("a")
    a = step("a")
    outcome, heard = run(store, step("c", step("b", a)), step("d"))
    assert states(outcome) == {"a": "failed", "b": "blocked", "c": "blocked", "d": "finished"}
    errors = {row["title"]: row["error"] for row in outcome.failures()}
    assert errors == {
        "add a": "ValueError: a is broken",
        "add b": "not run: a step that it builds on failed",
        "add c": "not run: a step that it builds on failed",
    }
    recorded = a.folder(store).read_json(FAILED)
    assert recorded["error"] == "ValueError: a is broken\nsecond line"
    assert "in add" in recorded["trace"]
    assert not a.folder(store).done
    assert heard[-1].failed == 1


def test_a_step_may_tolerate_that_an_input_failed(store):
    def count(work):
        work.out.write_json("sum", sum(folder.done for folder in work.inputs.values()))

    BROKEN.add("b")
    after = step("c", step("a"), step("b"), function=count, tolerates=frozenset({"input 1"}))
    outcome = execute([after], store, LocalExecutor(), Heard())
    assert sorted(outcome.states.values()) == ["failed", "finished", "finished"]
    assert after.folder(store).read_json("sum") == 1
    BROKEN.add("a")
    other = store / "other"
    assert execute([after], other, LocalExecutor(), Heard()).count("blocked") == 1


def test_what_failed_is_tried_again_the_next_time(store):
    BROKEN.add("a")
    run(store, step("b", step("a")), step("d"))
    BROKEN.clear()
    outcome, _ = run(store, step("b", step("a")), step("d"))
    assert states(outcome) == {"a": "finished", "b": "finished", "d": "cached"}
    assert CALLS == {"a": 2, "b": 1, "d": 1}
    assert outcome.failures() == []


def test_a_users_mistake_is_told_without_a_trace(store):
    outcome, _ = run(store, step("a", function=refuse))
    (row,) = outcome.failures()
    assert row["error"] == "file.csv:3: this cannot be used"
    assert step("a").folder(store).read_json(FAILED)["trace"] == ""


# -- what follows ----------------------------------------------------------------------------------------------------


def followed(a):
    """Let as many steps follow as a step's result says."""
    return lambda folder: [step(f"after {i}", a) for i in range(folder.read_json("sum") + 1)]


def test_what_follows_from_a_result_runs_too(store):
    a = step("a")
    first, _ = run(store, step("a", then=followed(a)))
    assert states(first) == dict.fromkeys(("a", "after 0", "after 1"), "finished")
    second, heard = run(store, step("a", then=followed(a)))
    assert states(second) == dict.fromkeys(("a", "after 0", "after 1"), "cached")
    assert heard[-1].total == 3


def test_nothing_follows_from_a_failure(store):
    BROKEN.add("a")
    assert states(run(store, step("a", then=followed(step("a"))))[0]) == {"a": "failed"}


# -- again -----------------------------------------------------------------------------------------------------------


def test_remade_steps_start_from_nothing(store):
    a, b = step("a"), step("b")
    run(store, a, b)
    a.folder(store).write_json("left over", 1)
    outcome, _ = run(store, a, b, remake=lambda s: s.title == "add a")
    assert states(outcome) == {"a": "finished", "b": "cached"}
    assert not a.folder(store).exists("left over")
    assert CALLS == {"a": 2, "b": 1}


def test_the_order_of_steps_does_not_matter(store, tmp_path):
    a, b, c = step("a"), step("b"), step("c", step("a"))
    first, _ = run(store, a, b, c)
    second, _ = run(Folder.at(tmp_path / "other"), c, b, a)
    assert first.states == second.states


def test_a_damaged_result_is_named(store):
    a = step("a")
    run(store, a)
    a.folder(store).write_bytes("sum", b"{")
    outcome, _ = run(store, step("b", a))
    (row,) = outcome.failures()
    assert "is damaged" in row["error"]
    assert a.fingerprint in row["error"]
    with pytest.raises(StorageError, match="run the same command again"):
        value(store, a)


# -- manifest --------------------------------------------------------------------------------------------------------


def test_a_manifest_says_where_a_result_comes_from(store):
    a = step("a")
    b = step("b", a, version=3, threads=2)
    run(store, b)
    manifest = b.folder(store).read_json("manifest.json")
    assert manifest["inputs"] == {"input 0": a.fingerprint}
    assert manifest["options"] == {"name": "b", "value": 1}
    assert (manifest["version"], manifest["threads"], manifest["workers"]) == (3, 2, 1)
    assert manifest["fingerprint"] == b.fingerprint
    assert manifest["packages"]["torch"]
    assert manifest["seconds"] >= 0


# -- batches ---------------------------------------------------------------------------------------------------------


def costly(name, seconds, **changes):
    return step(name, cost=Cost(seconds), **changes)


def names(batches):
    return [[s.title.removeprefix("add ") for s in batch] for batch in batches]


def test_long_steps_come_first_and_short_ones_travel_together():
    short = [costly(str(i), 0.01) for i in range(6)]
    assert names(_batches([*short, costly("long", 9)], 1)) == [["long"], ["0", "1", "2", "3"], ["4", "5"]]


def test_every_slot_gets_something():
    batches = _batches([costly(str(i), 0.01) for i in range(8)], 4)
    assert [len(batch) for batch in batches] == [1] * 8


def test_shared_steps_and_other_kinds_travel_alone():
    shared = [costly("s", 0.01, workers=2), costly("t", 0.01, workers=2)]
    assert names(_batches(shared, 1)) == [["s"], ["t"]]
    other = Step("other", "add x", add, Amount(name="x"), cost=Cost(0.01))
    assert len(_batches([costly("a", 0.01), other], 1)) == 2
