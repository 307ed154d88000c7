"""Configuration: what is merged, what is refused, and that every message names its file, line and key."""

import json
import re
import sys
import types
from typing import Annotated, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from hemicycle.core import yaml_files
from hemicycle.core.config import Chosen, Options, fingerprint, load, read
from hemicycle.core.errors import InputError


class Mf(Options):
    """Configuration of a stand-in recommender."""

    model: str
    dim: int = Field(8, ge=1)
    """Columns of the table."""


class Popular(Options):
    """Configuration of another."""

    model: str


class MfModel:
    Config = Mf

    def __init__(self, options):
        self.options = options


class PopularModel(MfModel):
    Config = Popular


MODEL = Chosen("recommender", "model", {"mf": "stand_in:MfModel", "popular": "stand_in:PopularModel"})


class Train(Options):
    """Nested options."""

    epochs: int = Field(5, ge=1)
    """Passes over the interactions."""
    rate: float = 0.1


class Study(Options):
    """Options with every kind of nesting."""

    name: str
    train: Train = Train()
    other: Train | None = None
    many: tuple[Train, ...] = ()
    named: dict[str, Train] = Field(default_factory=dict)
    models: tuple[Annotated[Any, MODEL], ...] = ()
    best: Annotated[Any, MODEL] | None = None


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    module = types.ModuleType("stand_in")
    module.MfModel, module.PopularModel, module.bare = MfModel, PopularModel, object
    monkeypatch.setitem(sys.modules, "stand_in", module)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path."""

    def _write(text, name="study.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def problems(path, *overrides, model=Study):
    with pytest.raises(InputError) as caught:
        load(model, path, overrides)
    return caught.value.problems


def places(found, path):
    """Where the problems are, with the folder left out."""
    return [problem.where.replace(f"{path.parent}/", "") for problem in found]


# -- reading ---------------------------------------------------------------------------------------------------------


def test_a_file_becomes_a_frozen_model(write):
    study = load(Study, write("name: a\ntrain: {epochs: 2}\nmodels: [popular, {model: mf, dim: 4}]\n"))
    assert (study.name, study.train.epochs, study.train.rate) == ("a", 2, 0.1)
    assert study.models == (Popular(model="popular"), Mf(model="mf", dim=4))
    with pytest.raises(ValueError, match="frozen"):
        study.name = "b"


def test_an_empty_file_has_no_keys(write):
    assert read(write("")).values == {}
    assert [p.what for p in problems(write("# nothing\n"))] == ["the key 'name' is missing"]


def test_extends_merges_mappings_and_replaces_the_rest(write):
    write("name: base\ntrain: {epochs: 9, rate: .5}\nmodels: [mf, popular]\n", "base.yaml")
    study = load(Study, write("extends: base.yaml\ntrain: {epochs: 1}\nmodels: [popular]\n"))
    assert (study.name, study.train, len(study.models)) == ("base", Train(epochs=1, rate=0.5), 1)


def test_of_several_parents_the_later_wins_and_the_file_itself_last(write):
    write("name: one\ntrain: {epochs: 1}\n", "one.yaml")
    write("extends: one.yaml\nname: two\n", "two.yaml")
    write("name: three\ntrain: {rate: .3}\n", "three.yaml")
    study = load(Study, write("extends: [two.yaml, three.yaml]\ntrain: {epochs: 4}\n"))
    assert (study.name, study.train) == ("three", Train(epochs=4, rate=0.3))


def test_a_parent_is_looked_for_beside_the_file_that_names_it(write):
    write("name: inner\n", "folder/parent.yaml")
    assert load(Study, write("extends: parent.yaml\n", "folder/child.yaml")).name == "inner"


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("train.epochs=3", ("train", "epochs"), 3),
        ("name=b", ("name",), "b"),
        ("name='3'", ("name",), "3"),
        ("models.1.dim=2", ("models", 1, "dim"), 2),
        ("models.0=popular", ("models", 0, "model"), "popular"),
        ("many=[{epochs: 7}]", ("many", 0, "epochs"), 7),
        ("other.epochs=6", ("other", "epochs"), 6),
        ("named.a.b.epochs=1", None, None),
    ],
)
def test_overrides_come_last(write, override, path, value):
    file = write("name: a\ntrain: {epochs: 1, rate: .5}\nmodels: [mf, {model: mf, dim: 9}]\n")
    if path is None:
        assert "command line" in problems(file, override)[0].where
        return
    found = load(Study, file, [override])
    for part in path:
        found = found[part] if isinstance(part, int) else getattr(found, part)
    assert found == value


def test_an_override_leaves_its_siblings(write):
    assert load(Study, write("name: a\ntrain: {epochs: 1, rate: .5}\n"), ["train.epochs=2"]).train.rate == 0.5


@pytest.mark.parametrize("bad", ["train.epochs", "=3", "name.x=1", "models.5.dim=1", "train=[1,", "name=2020-13-45"])
def test_an_override_that_makes_no_sense_is_refused(write, bad):
    (problem,) = problems(write("name: a\nmodels: [mf]\n"), bad)
    assert repr(bad.partition("=")[0])[1:-1] in str(problem)


# -- refusing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where", "near"),
    [
        ("name: a\ntrian: {epochs: 2}\n", "study.yaml:2 trian", "'train'"),
        ("name: a\ntrain:\n  epoch: 2\n", "study.yaml:3 train.epoch", "'epochs'"),
        ("name: a\nother: {epoch: 2}\n", "study.yaml:2 other.epoch", "'epochs'"),
        ("name: a\nmany:\n  - {epochs: 1}\n  - {epoch: 2}\n", "study.yaml:4 many.1.epoch", "'epochs'"),
        ("name: a\nnamed:\n  epochs:\n    epoch: 2\n", "study.yaml:4 named.epochs.epoch", "'epochs'"),
        ("name: a\nmodels:\n- model: mf\n  dmi: 2\n", "study.yaml:4 models.0.dmi", "'dim'"),
        ("name: a\nbest:\n  model: mf\n  dmi: 2\n", "study.yaml:4 best.dmi", "'dim'"),
    ],
)
def test_an_unknown_key_is_met_with_its_place_and_the_nearest_name(write, text, where, near):
    path = write(text)
    (problem,) = found = problems(path)
    assert places(found, path) == [where]
    assert f"did you mean {near}?" in problem.what


def test_an_unknown_key_like_no_other_is_met_with_all_that_are_allowed(write):
    (problem,) = problems(write("name: a\ntrain: {zzz: 2}\n"))
    assert "allowed here: epochs, rate" in problem.what


def test_all_errors_come_at_once_each_with_its_place(write):
    write("name: a\ntrain:\n  epochs: 0\n", "base.yaml")
    path = write("extends: base.yaml\nmodels:\n  - model: mf\n    dim: 0\n  - model: nf\n  - {}\nother: 5\n")
    found = problems(path, "train.rate=fast", "colour=red")
    assert places(found, path) == [
        "base.yaml:3 train.epochs",
        "command line train.rate",
        "study.yaml:7 other",
        "study.yaml:4 models.0.dim",
        "study.yaml:5 models.1",
        "study.yaml:6 models.2",
        "command line colour",
    ]
    text = "\n".join(map(str, found))
    for expected in ("given: 0", "given: 'fast'", "did you mean 'mf'?", "needs the key 'model', one of: mf, popular"):
        assert expected in text


def test_a_missing_key_is_placed_in_the_file_whose_value_lacks_it(write):
    write("name: a\nmodels:\n\n\n  - {model: mf, dim: 1}\n", "base.yaml")
    path = write("extends: base.yaml\nmodels:\n  - {dim: 1}\n")
    assert places(problems(path), path) == ["study.yaml:3 models.0"]


def test_an_overridden_value_is_blamed_on_the_command_line(write):
    path = write("name: a\nmany:\n  - epochs: 1\n")
    assert places(problems(path, "many=[{epochs: 0}]"), path) == ["command line many.0.epochs"]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("name: [1, 2\n", "study.yaml:2", "not valid YAML"),
        ("name: a\n\tb: 1\n", "study.yaml:2", "not valid YAML"),
        ("name: !!python/name:os.system x\n", "study.yaml:1", "not valid YAML"),
        ("name: a\nname: b\n", "study.yaml:2", "'name' stands twice"),
        ("train:\n  epochs: 1\n  epochs: 2\n", "study.yaml:3", "'epochs' stands twice"),
        ("- a\n- b\n", "study.yaml:1", "mapping of keys"),
        ("train: 2020-13-45\n", "study.yaml:1", "is no value"),
        ("name: a\ntrain: &t\n  epochs: *t\n", "study.yaml", "contains itself"),
        ("name: a\nextends: 5\n", "study.yaml:2", "list of files"),
        ("extends: {a: b}\n", "study.yaml:1", "list of files"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_with_its_line(write, text, where, what):
    path = write(text)
    (problem,) = found = problems(path)
    assert places(found, path) == [where]
    assert what in problem.what


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_bytes("name: été\n".encode("latin-1"))
    assert "UTF-8" in problems(path)[0].what


def test_a_circle_of_extends_is_refused(write):
    write("extends: study.yaml\n", "other.yaml")
    path = write("extends: other.yaml\n")
    (problem,) = found = problems(path)
    assert "extends itself" in problem.what
    assert places(found, path) == ["other.yaml"]


def test_a_file_that_is_not_there_is_refused_with_those_that_are(write, monkeypatch, tmp_path):
    write("name: a\n", "configs/quickstart.yaml")
    monkeypatch.setattr(yaml_files, "_roots", lambda: [tmp_path / "configs"])
    (problem,) = problems("nowhere")
    assert "'nowhere'" in problem.what
    assert "quickstart" in problem.remedy
    assert load(Study, "quickstart").name == load(Study, "configs/quickstart.yaml").name == "a"


def test_nan_and_infinity_are_refused(write):
    assert len(problems(write("name: a\ntrain: {rate: .nan}\nother: {rate: .inf}\n"))) == 2


# -- choosing --------------------------------------------------------------------------------------------------------


def test_a_class_is_chosen_by_short_name_or_from_another_package():
    for name in ("mf", "stand_in:MfModel"):
        options = MODEL.validate({"model": name, "dim": 2})
        assert options == Mf(model=name, dim=2)
        assert isinstance(MODEL.build(options), MfModel)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("mff", "did you mean 'mf'?"),
        ("no_such_package:Model", "cannot import"),
        ("stand_in:Missing", "cannot import"),
        (":Model", "cannot import"),
        (".x:Model", "cannot import"),
        ("stand_in:bare", "has no Config"),
    ],
)
def test_a_class_that_cannot_be_had_is_a_problem_not_a_crash(write, name, what):
    (problem,) = problems(write(f"name: a\nbest: '{name}'\n"))
    assert what in problem.what


def test_options_of_another_kind_are_not_taken_for_a_choice(write):
    with pytest.raises(ValueError, match="needs the key 'model'"):
        Study(name="a", best=Train())
    assert Study(name="a", best=Mf(model="mf")).best.dim == 8


# -- identity --------------------------------------------------------------------------------------------------------


def test_options_round_trip_with_their_choices():
    study = Study(name="a", models=["popular", {"model": "mf", "dim": 3}], best={"model": "mf"})
    assert Study.model_validate(json.loads(json.dumps(study.model_dump(mode="json")))) == study
    assert study.replace(best="popular").best == Popular(model="popular")
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        study.train.replace(epochs=0)


def test_a_fingerprint_sees_every_value_and_no_order():
    study = Study(name="a", models=[{"model": "mf", "dim": 3}])
    same = Study(models=[{"dim": 3, "model": "mf"}], name="a")
    assert study.fingerprint() == same.fingerprint()
    others = [study.replace(name="b"), study.replace(models=["mf"]), study.replace(train={"epochs": 6})]
    assert len({study.fingerprint(), *(other.fingerprint() for other in others)}) == 4
    assert re.fullmatch("[0-9a-f]{32}", study.fingerprint())


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none() | st.booleans()))
def test_a_fingerprint_does_not_depend_on_the_order_of_keys(value):
    assert fingerprint(value) == fingerprint(dict(reversed(value.items())))


def test_a_value_without_an_identity_has_no_fingerprint():
    with pytest.raises(ValueError, match="JSON"):
        fingerprint({"rate": float("nan")})


# -- editors ---------------------------------------------------------------------------------------------------------


def test_the_json_schema_is_valid_and_says_what_loading_says():
    schema = Study.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema).is_valid
    assert check({"name": "a", "models": [{"model": "mf", "dim": 2}, {"model": "popular"}], "best": None})
    assert check({"name": "a", "models": [{"model": "their.package:Model", "anything": 1}]})
    for wrong in ({"train": {"epoch": 1}}, {"models": [{"model": "nf"}]}, {"best": {"model": "mf", "dim": 0}}):
        assert not check({"name": "a", **wrong})
    assert schema["$defs"]["Train"]["properties"]["epochs"]["description"] == "Passes over the interactions."
