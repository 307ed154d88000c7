"""A benchmark from its options to its files: data, environments, interleaved processes, table and figure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pandas as pd
import psutil
import torch
from rich.console import Console

from hemicycle.bench.cases import Case
from hemicycle.bench.environments import Environment, NoPeerError, environment
from hemicycle.bench.figure import draw
from hemicycle.bench.machine import describe, sentence
from hemicycle.bench.measure import Measurement, measure
from hemicycle.bench.projection import ASSUMED, projected
from hemicycle.bench.suites import SUITES, Scale
from hemicycle.bench.suites_opinions import SUITES as OPINION_SUITES
from hemicycle.bench.tables import markdown, plain, table
from hemicycle.bench.workloads import Workload, workload
from hemicycle.core.config import Options
from hemicycle.core.errors import HemicycleError, InputError

Results = dict[Case, list[Measurement]]
SUBJECTS = {"recommenders": SUITES, "opinions": OPINION_SUITES}
"""What can be measured: its suites by name."""


class BenchOptions(Options):
    """What a benchmark runs and where it leaves its files."""

    subject: Literal["recommenders", "opinions"] = "recommenders"
    """What is measured."""
    suites: tuple[str, ...] = ()
    """Names of the subject's suites; none: all of them."""
    peers: Literal["all", "none"] = "all"
    """``none``: without other people's packages."""
    device: str = "cpu"
    """``cpu``, or a CUDA device such as ``cuda:0``."""
    repeats: int = 3
    """Processes of each case."""
    quick: bool = False
    """Everything in miniature."""
    limit: float = 1800.0
    """Seconds after which a process is ended."""
    out: str = "bench-results"
    """Folder of the result's folder."""
    cache: str = "~/.cache/hemicycle/bench"
    """Folder of workloads and environments, which are made once."""


@dataclass(frozen=True)
class Ready:
    """What was prepared before the clock runs."""

    data: dict[str, Workload]
    environments: dict[str, Environment | str]


def bench(options: BenchOptions, console: Console) -> Path:
    """Run suites and return the folder of ``bench.csv``, ``bench.md``, ``bench.svg`` and ``machine.json``.

    A case that fails is a row that says why. Interrupted, what was measured is written before the interruption goes on.

    Raises:
        InputError: there is no such suite or device.
        KeyboardInterrupt: the user stopped the run.
    """
    cases = _cases(options)
    started, machine = datetime.now(UTC), describe(options.device)
    folder = Path(options.out).expanduser() / f"{options.subject}-{started:%Y%m%d-%H%M%S}"
    results: Results = {case: [] for case in cases}
    ready = _prepare(cases, options, console)
    try:
        _run(results, ready, options, console)
    finally:
        told = {"subject": options.subject, "quick": options.quick, "suites": options.suites}
        about = {**machine, "started": started.isoformat(), **told}
        write(folder, table(results), {**about, **_described(ready)})
    if any(case.module.endswith("workers") for case in cases):
        project(folder)
    return folder


def _cases(options: BenchOptions) -> list[Case]:
    suites = SUBJECTS[options.subject]
    unknown = [name for name in options.suites if name not in suites]
    if unknown:
        raise InputError(f"there is no suite {unknown[0]!r}", "--suite", f"choose from {', '.join(suites)}")
    if options.device != "cpu" and not (options.device.startswith("cuda") and torch.cuda.is_available()):
        raise InputError(f"there is no device {options.device!r} here", "--device", "use cpu")
    found = [case for name in options.suites or suites for case in suites[name](Scale(options.quick))]
    kept = [case for case in found if options.peers == "all" or case.role != "peer"]
    if options.quick:
        return [replace(case, target=None) for case in kept]
    return kept if options.device == "cpu" else [replace(c, clock="wall") for c in kept if c.on_device]


# -- preparation -----------------------------------------------------------------------------------------------------


def _prepare(cases: Sequence[Case], options: BenchOptions, console: Console) -> Ready:
    cache = Path(options.cache).expanduser()
    data = {}
    for name in dict.fromkeys(case.workload for case in cases):
        console.print(f"data: {name}")
        data[name] = workload(name, cache / "data")
    environments: dict[str, Environment | str] = {}
    for name in dict.fromkeys(case.environment for case in cases):
        console.print(f"environment: {name}")
        try:
            environments[name] = environment(name, cache / "environments")
        except NoPeerError as error:
            environments[name] = f"cannot be installed: {error}"
            console.print(f"  {environments[name]}", markup=False)
    return Ready(data, environments)


def _described(ready: Ready) -> dict[str, object]:
    environments = {
        name: found if isinstance(found, str) else list(found.packages) for name, found in ready.environments.items()
    }
    return {"data": {name: found.about for name, found in ready.data.items()}, "environments": environments}


# -- measuring -------------------------------------------------------------------------------------------------------


def _run(results: Results, ready: Ready, options: BenchOptions, console: Console) -> None:
    """Measure round by round, every other round backwards, so that what disturbs the machine disturbs all alike."""
    rounds = 1 if options.quick else options.repeats
    total = rounds * len(results)
    for number, (case, found) in enumerate(_interleaved(results, rounds), 1):
        if any(measurement.problem for measurement in found):
            continue
        found.append(_measured(case, ready, options))
        console.print(f"[{number}/{total}] {case.title}: {_said(case, found[-1])}", markup=False)


def _interleaved(results: Results, rounds: int) -> Iterator[tuple[Case, list[Measurement]]]:
    order = list(results.items())
    for number in range(rounds):
        yield from order if number % 2 == 0 else reversed(order)


def _measured(case: Case, ready: Ready, options: BenchOptions) -> Measurement:
    runner, free = ready.environments[case.environment], psutil.virtual_memory().available
    if isinstance(runner, str):
        return Measurement(problem=runner)
    if case.memory > free and not options.quick:
        return Measurement(problem=f"needs about {case.memory / 1e9:.0f} GB of memory, {free / 1e9:.0f} GB were free")
    return measure(case, runner, ready.data[case.workload].folder, options.device, options.limit)


def _said(case: Case, found: Measurement) -> str:
    if found.problem:
        return f"not measured: {found.problem}"
    least = min(case.clock_of(call) for call in found.calls)
    return f"{least:.3g} {'CPU s' if case.clock == 'cpu' else 's'}, {found.peak_bytes / 1e6:.0f} MB"


# -- files -----------------------------------------------------------------------------------------------------------


def write(folder: Path, frame: pd.DataFrame, about: dict[str, object]) -> None:
    """Write the files of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "bench.csv", index=False, lineterminator="\n")
    (folder / "machine.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
    words = [MINIATURE] if about["quick"] else []
    head = "\n\n".join([*words, sentence(about), LEGEND, ""])
    (folder / "bench.md").write_text(head + markdown(frame), encoding="utf-8")
    image = draw(frame)
    if image is not None:
        (folder / "bench.svg").write_text(image, encoding="utf-8")


def project(folder: Path) -> None:
    """Add what the cost model expects of GPUs that are not here."""
    frame = projected()
    frame.to_csv(folder / "projection.csv", index=False, lineterminator="\n")
    with (folder / "bench.md").open("a", encoding="utf-8") as file:
        file.write(f"\n**projection**\n\n{ASSUMED}\n\n{plain(frame)}\n")


MINIATURE = "A miniature, which shows that everything runs; its times mean nothing."
LEGEND = (
    "Times are the least of all timed calls, each case in processes of its own and interleaved with the others; "
    "**times ours** is a time over the first row's of ours in its part; MB is the largest memory of a process, its "
    "preparation included."
)


def command(options: BenchOptions) -> int:
    """Run, tell what came out, and return the exit code: 0, 2 for a mistake in the input, 130 when interrupted."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        folder = bench(options, console)
    except HemicycleError as error:
        console.print(str(error), style="red", markup=False)
        return error.exit_code
    except KeyboardInterrupt:
        console.print("Interrupted; what was measured is written.")
        return 130
    print((folder / "bench.md").read_text(encoding="utf-8"))  # noqa: T201 - the command's answer
    console.print(f"Written: {folder}/bench.csv, bench.md, bench.svg, machine.json")
    return 0
