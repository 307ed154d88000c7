"""The command line: the verbs of :mod:`hemicycle.api`, their progress and their messages."""

from hemicycle.cli import attitudes, data, estimate, housekeeping, population, questions
from hemicycle.cli.console import guarded
from hemicycle.cli.studies import app, job

__all__ = ["app", "attitudes", "estimate", "housekeeping", "job", "main", "questions"]

app.add_typer(data.app, name="data")
app.add_typer(population.app, name="population")


def main() -> None:
    """Run the command line."""
    guarded(app)
