import pickle

import pytest

from hemicycle.core.errors import (
    DisclosureError,
    HemicycleError,
    InputError,
    PartialFailureError,
    Problem,
    raise_problems,
)


def test_a_problem_reads_as_place_fault_and_remedy():
    assert str(Problem("no column 'user'", "votes.csv:1", "name it in 'columns'")) == (
        "votes.csv:1: no column 'user'\n    -> name it in 'columns'"
    )
    assert str(Problem("the graph is empty")) == "the graph is empty"
    assert str(Problem("the graph is empty", "votes.csv")) == "votes.csv: the graph is empty"


def test_one_sentence_makes_an_error_of_one_problem():
    error = InputError("the graph is empty", where="votes.csv", remedy="check 'weight'")
    assert error.problems == (Problem("the graph is empty", "votes.csv", "check 'weight'"),)
    assert str(error) == str(error.problems[0])


@pytest.mark.parametrize(
    ("kind", "code"), [(HemicycleError, 1), (InputError, 2), (DisclosureError, 2), (PartialFailureError, 3)]
)
def test_every_kind_has_its_exit_code(kind, code):
    assert kind.exit_code == code
    assert issubclass(kind, HemicycleError)


@pytest.mark.parametrize("kind", [InputError, DisclosureError])
def test_an_input_error_survives_the_way_between_processes(kind):
    error = kind([Problem("a", "b", "c"), Problem("d")])
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 our own bytes
    assert (type(back), back.problems, str(back)) == (kind, error.problems, str(error))


def test_all_problems_are_raised_at_once_and_none_is_silent():
    with pytest.raises(InputError, match=r"first\nsecond") as caught:
        raise_problems(Problem(text) for text in ("first", "second"))
    assert len(caught.value.problems) == 2
    raise_problems([])
