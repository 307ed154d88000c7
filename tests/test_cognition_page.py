"""The page on probes: its example passes the contract, its keys and tables exist."""

import re
import sys
import types
from pathlib import Path

import pytest
import yaml
from contracts.probe_contract import ProbeContract

from hemicycle.core.config import Raw, validate
from hemicycle.probes.catalogue import PROBE, PROBES
from hemicycle.studies.interpretation.questions import INTERPRETED, InterpretationConfig

TEXT = (Path(__file__).resolve().parents[1] / "platform" / "docs" / "cognition.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, flags=re.DOTALL)
SOURCE = next(block for kind, block in BLOCKS if kind == "python")
NAME = "hemicycle.probes.quadratic"


def loaded():
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module
    exec(compile(SOURCE, "cognition.md", "exec"), module.__dict__)  # noqa: S102 it is our own
    return module


QUADRATIC = loaded()


@pytest.fixture(autouse=True)
def added(monkeypatch):
    monkeypatch.setitem(sys.modules, NAME, QUADRATIC)
    monkeypatch.setitem(PROBES, "quadratic", f"{NAME}:Quadratic")


class TestQuadratic(ProbeContract):
    config = QUADRATIC.Quadratic.Config()


def test_keys_of_its_yaml_are_valid():
    for text in (block for kind, block in BLOCKS if kind == "yaml"):
        given = yaml.safe_load(text)
        validate(InterpretationConfig, Raw(given.get("interpretation", {}), {}))
        for probe in given.get("probes", ()):
            PROBE.validate(probe)


def test_questions_and_tables_are_all_there():
    for key in set(InterpretationConfig.model_fields) - {"members"}:
        assert f"interpretation.{key}" in TEXT, key
    for table in set(INTERPRETED) - {"explanation_flows", "explanation_examples"}:
        assert f"`{table}`" in TEXT, table


def test_the_page_is_short():
    assert len(TEXT.splitlines()) <= 250
