"""Tables gathered from finished steps."""

import pandas as pd
import pyarrow as pa
import pytest

from hemicycle.core.storage import Folder
from hemicycle.studies.config import MediatedSimulation
from hemicycle.studies.engine import Outcome
from hemicycle.studies.mediation import SimulateOptions
from hemicycle.studies.steps import Step
from hemicycle.studies.tables import FAILURES, gather, member_of

ARMS = ["none", {"exposure": "random", "k": 3}]


def simulated(store, name, reference, seed):
    talk = MediatedSimulation(name=name, opinions=["friedkin_johnsen"], arms=ARMS, reference=reference)
    step = Step("simulate", f"simulate {name} {seed}", print, SimulateOptions(simulation=talk, seed=seed))
    rows = [
        {"simulation": name, "opinion": "friedkin_johnsen", "arm": arm, "seed": seed, "metric": "variance", "step": t}
        | {"value": 1.0 + t * (arm == "random") + 0.1 * seed}
        for arm in ("none", "random")
        for t in (0, 1)
    ]
    step.folder(store).write_table("simulation_results", pa.Table.from_pandas(pd.DataFrame(rows)))
    return step


def outcome_of(*steps, state="finished"):
    return Outcome({s.fingerprint: state for s in steps}, {s.fingerprint: s for s in steps})


@pytest.fixture
def store(tmp_path):
    return Folder.at(tmp_path)


def test_each_simulation_is_compared_with_its_own_reference(store):
    steps = [simulated(store, n, r, s) for n, r in (("one", "none"), ("two", "random")) for s in (0, 1)]
    table = gather(outcome_of(*steps), store)["simulation_contrasts"]
    found = table.set_index("simulation")[["arm", "reference", "difference"]].to_dict("index")
    assert found["one"] == {"arm": "random", "reference": "none", "difference": pytest.approx(1.0)}
    assert found["two"] == {"arm": "none", "reference": "random", "difference": pytest.approx(-1.0)}


def test_the_order_of_steps_leaves_no_trace(small_study, store):
    study, where = small_study
    backwards = Outcome(dict(reversed(study.outcome.states.items())), dict(reversed(study.outcome.steps.items())))
    again = gather(backwards, where)
    for name, table in gather(study.outcome, where).items():
        pd.testing.assert_frame_equal(table, again[name])
    steps = [simulated(store, "one", "none", seed) for seed in (0, 1)]
    tables = [gather(outcome_of(*order), store)["simulation_results"] for order in (steps, steps[::-1])]
    pd.testing.assert_frame_equal(*tables)


def test_an_empty_study_has_empty_tables(store):
    tables = gather(Outcome(), store)
    assert all(table.empty for table in tables.values())
    assert list(tables["failures"].columns) == FAILURES


def test_results_carry_the_names_of_their_models(small_study):
    tables = small_study[0].tables
    known = tables["records"].set_index("id")["name"]
    for name, column in {"ranking_results": "name", "probe_results": "name", "map_points": "name_of_model"}.items():
        assert (tables[name]["record_id"].map(known) == tables[name][column]).all()


def test_a_member_is_named_by_its_step():
    options = SimulateOptions(simulation=MediatedSimulation(opinions=["friedkin_johnsen"], arms=ARMS), seed=0)
    assert member_of(Step("fit", "fit mf-s0", print, options)) == "mf-s0"
