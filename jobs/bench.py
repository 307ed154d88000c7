"""Measure ours beside other people's packages and the machine's limits, in one run, and write a table and a figure.

    python jobs/bench.py recommenders
    python jobs/bench.py recommenders --quick --peers none
    python jobs/bench.py opinions
    HEMICYCLE_DATA=/data python jobs/bench.py recommenders --suite epoch --suite evaluate --out bench-results

Peers (implicit, cornac, RecBole, NDlib, Mesa; PyG comes with us) are installed from PyPI into throwaway environments
under --cache, once; without a network they become rows that say so. Gowalla is read from $HEMICYCLE_DATA; without it a
random graph of its size stands in. All of recommenders takes about an hour, all of opinions some minutes; another
program on the machine disturbs them. With --device cuda:0 the same suites of recommenders run on a GPU with its
own clock: that is written, and not tested. A result enters the README (recommenders) or
platform/docs/bench_opinions.md by ``python -m hemicycle.bench.publish FOLDER``.
"""

from enum import StrEnum
from typing import Annotated

import typer

from hemicycle.bench.run import BenchOptions, command


class Subject(StrEnum):
    """What can be measured."""

    recommenders = "recommenders"
    opinions = "opinions"


class Peers(StrEnum):
    """Whether others are measured, too."""

    all = "all"
    none = "none"


def main(  # noqa: PLR0913, PLR0917 - options of the command
    subject: Annotated[Subject, typer.Argument(help="What to measure.")],
    suite: Annotated[list[str] | None, typer.Option(help="epoch, ials, ... or step, peers; may be repeated.")] = None,
    peers: Annotated[Peers, typer.Option(help="none: without other people's packages.")] = Peers.all,
    device: Annotated[str, typer.Option(help="cpu or cuda:0.")] = "cpu",
    repeats: Annotated[int, typer.Option(min=1, help="Processes of each case.")] = 3,
    quick: Annotated[bool, typer.Option(help="Everything in miniature, in a minute.")] = False,
    out: Annotated[str, typer.Option(help="Where the result's folder goes.")] = "bench-results",
    cache: Annotated[str, typer.Option(help="Where data and environments are kept.")] = "~/.cache/hemicycle/bench",
) -> None:
    """Measure, and print the table."""
    given = {
        "subject": subject.value,
        "suites": suite or [],
        "peers": peers.value,
        "device": device,
        "repeats": repeats,
    }
    raise SystemExit(command(BenchOptions.model_validate({**given, "quick": quick, "out": out, "cache": cache})))


if __name__ == "__main__":
    typer.run(main)
