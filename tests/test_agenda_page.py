"""The page on agendas: its examples are valid, its keys and commands exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from hemicycle.cli import app
from hemicycle.core.config import Raw, find, validate
from hemicycle.studies.agenda_config import AgendaConfig
from hemicycle.studies.config import StudyConfig

TEXT = (Path(__file__).resolve().parents[1] / "platform" / "docs" / "agenda.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "yaml"])
def test_its_yaml_is_valid(text):
    study = validate(StudyConfig, Raw({"name": "page", **yaml.safe_load(text)}, {}))
    assert study.agenda


def test_every_question_has_its_key():
    asked = set(AgendaConfig.model_fields) - {"issues", "fewest_topics", "seed", "simulated"}
    assert asked == set(re.findall(r"`agenda\.NAME\.(\w+)`", TEXT))


def test_its_commands_are_commands():
    commands = typer.main.get_command(app)
    lines = [line for kind, text in BLOCKS if kind == "shell" for line in text.splitlines()]
    assert len(lines) == 4
    for line in lines:
        program, verb, *words = shlex.split(line)
        assert program == "hemicycle"
        with commands.commands[verb].make_context(verb, list(words)):
            pass  # unknown options and too many words are refused here
        if verb in {"run", "plan"}:
            assert find(words[0]).exists()


def test_the_page_is_short():
    assert len(TEXT.splitlines()) <= 200
