"""What a store no longer needs, why, and its removal: nothing that a live driver works on, nothing outside."""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hemicycle.core.errors import InputError
from hemicycle.core.storage import DONE, Folder, StorageError, StoredFile
from hemicycle.studies.engine import FAILED
from hemicycle.studies.intact import KIND, MANIFEST, PLAN, read_plan
from hemicycle.studies.locks import LEASE, SWEEP, hold, working
from hemicycle.studies.marker import FINGERPRINT, check_ours, mark

Files = list[StoredFile]
_PART = re.compile(r".*\.part-[0-9a-f]{8}")
_CHECKPOINT = re.compile(r"epoch-\d+")


@dataclass(frozen=True)
class Garbage:
    """Something that can go.

    Args:
        path: below the store, e.g. ``steps/fit/0123...``.
        reason: for people.
        size: bytes.
        changed: when it was last written, seconds since 1970.
        single: True for one file, False for a folder.
    """

    path: str
    reason: str
    size: int
    changed: float
    single: bool = False


@dataclass(frozen=True)
class Wanted:
    """Which garbage is meant.

    Args:
        study: forget this study and what only it uses, instead of looking for what nobody uses.
        older_than: seconds since it was last written, at least.
        larger_than: bytes, at least.
    """

    study: str = ""
    older_than: float = 0.0
    larger_than: float = 0.0

    def covers(self, item: Garbage, now: float) -> bool:
        """Whether an item is old and large enough."""
        return now - item.changed >= self.older_than and item.size >= self.larger_than


@dataclass(frozen=True)
class Found:
    """What a look around found.

    Args:
        items: largest first.
        kept: bytes of everything else.
        notes: what was left alone although it looks like garbage, and why.
    """

    items: list[Garbage]
    kept: int
    notes: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes that would be free."""
        return sum(item.size for item in self.items)


def look_around(store: Folder, wanted: Wanted) -> Found:
    """List what can go; nothing is changed. Every step may be one of a study whose plan is damaged, so that all stay.

    Raises:
        InputError: the folder is no store, the study is not there or is being worked on, or a driver is just starting.
    """
    check_ours(store)
    inside = _Inside(store, wanted.study)
    items = list(inside.forgotten() if wanted.study else inside.unused())
    now = time.time()
    chosen = sorted((i for i in items if wanted.covers(i, now)), key=lambda item: (-item.size, item.path))
    total = sum(file.size for file in inside.files)
    return Found(chosen, total - sum(item.size for item in chosen), inside.notes)


def collect(store: Folder, wanted: Wanted) -> Found:
    """Delete what :func:`look_around` lists; drivers that start meanwhile are refused.

    Raises:
        InputError: as there.
        StorageError: something could not be deleted; the same command goes on.
    """
    check_ours(store)
    mark(store)
    with hold(store, SWEEP) as lease:
        found = look_around(store, wanted)
        for item in sorted(found.items, key=lambda item: not item.path.startswith("studies/")):
            lease.tell()
            if item.single:
                store.remove(item.path)
            else:
                (store / item.path).delete()
    return found


class _Inside:
    """A store as one listing of its files shows it."""

    def __init__(self, store: Folder, forget: str) -> None:
        self.store, self.forget = store, forget
        self.files, self.notes = [file for file in store.files() if file.name != SWEEP], list[str]()
        self.steps: dict[str, Files] = defaultdict(list)
        self.studies: dict[str, Files] = defaultdict(list)
        for file in self.files:
            self._sort_in(file)
        self.live = [name for name in self.studies if working(store / "studies" / name)]
        self.plans, self.damaged = dict[str, dict[str, Any]](), list[str]()
        for name in self.studies:
            self._read(name)

    def _sort_in(self, file: StoredFile) -> None:
        room, _, rest = file.name.partition("/")
        parts = rest.split("/")
        if room == "steps" and len(parts) > 2 and KIND.fullmatch(parts[0]) and FINGERPRINT.fullmatch(parts[1]):
            self.steps["/".join(parts[:2])].append(file)
        elif room == "studies" and len(parts) > 1:
            self.studies[parts[0]].append(file)

    def _read(self, study: str) -> None:
        """Take a study's plan in; one that is damaged matters unless the study is to be forgotten."""
        if not any(file.name == f"studies/{study}/{PLAN}" for file in self.studies[study]):
            return
        try:
            self.plans[study] = read_plan(self.store / "studies" / study)
        except InputError as error:
            if study == self.forget:
                text = f"the plan of {study} is damaged: its steps are listed by `hemicycle gc` once it is gone"
            else:
                self.damaged.append(study)
                (problem,) = error.problems
                text = f"{problem.what}; any step may be its own, so all steps stay. Remedy: {problem.remedy}"
            self.notes.append(text)

    # -- who uses what -------------------------------------------------------------------------------------------------

    @cached_property
    def used(self) -> dict[str, set[str]]:
        """Study -> its steps; those of a study that was interrupted include what followed from their results."""
        listed = {name: {f"{s['kind']}/{s['fingerprint']}" for s in plan["steps"]} for name, plan in self.plans.items()}
        open_ = [name for name, plan in self.plans.items() if not plan.get("complete", False)]
        loose = self._inputs(set(self.steps) - set().union(*listed.values())) if open_ else {}
        return {name: steps | (_following(steps, loose) if name in open_ else set()) for name, steps in listed.items()}

    def _inputs(self, steps: Iterable[str]) -> dict[str, set[str]]:
        """Finished step -> fingerprints of what it builds on."""
        found = {}
        for step in steps:
            if self._is_done(step):
                try:
                    manifest: Mapping[str, Any] = self.store.read_json(f"steps/{step}/{MANIFEST}")
                    found[step] = set(manifest["inputs"].values())
                except (StorageError, KeyError, TypeError, AttributeError):
                    continue
        return found

    def _of(self, studies: Iterable[str]) -> set[str]:
        return set().union(*(self.used.get(name, set()) for name in studies))

    def _is_done(self, step: str) -> bool:
        return any(file.name == f"steps/{step}/{DONE}" for file in self.steps[step])

    def _check_live(self) -> None:
        for name in self.live:
            driver = working(self.store / "studies" / name)
            if driver is not None and name not in self.damaged and not (driver.planned and name in self.plans):
                remedy = "try again in a moment"
                raise InputError(f"study {name} is just being started by {driver}: not known what it needs", "", remedy)

    # -- what can go ---------------------------------------------------------------------------------------------------

    def unused(self) -> Iterator[Garbage]:
        """What no study needs, and what was left unfinished."""
        self._check_live()
        if self.live:
            text = "unfinished steps and partly written files are left alone while a driver works"
            self.notes.append(f"{text}: {', '.join(self.live)}")
        if not self.damaged:
            yield from self._without_use()
        yield from () if self.live else self._parts()

    def _without_use(self) -> Iterator[Garbage]:
        """Folders that the plans do not name, or whose work did not end."""
        used, busy = self._of(self.plans), self._of(self.live)
        for step in sorted(self.steps.keys() - busy):
            if not self._is_done(step):
                yield from () if self.live else [self._unfinished(step, used)]
            elif step not in used:
                yield _folder(f"steps/{step}", self.steps[step], "orphan: no study uses it")
            else:
                yield from self._leftovers(step)
        for name in sorted(self.studies.keys() - self.plans.keys() - set(self.live)):
            files = self.studies[name]
            if {file.name for file in files} <= {f"studies/{name}/{LEASE}"}:
                yield _folder(f"studies/{name}", files, "a study that never began")

    def _unfinished(self, step: str, used: set[str]) -> Garbage:
        files, kind = self.steps[step], "interrupted"
        if any(file.name == f"steps/{step}/{FAILED}" for file in files):
            kind = "failed"
        goes_on = "`hemicycle retry` would go on from it" if kind == "interrupted" else "`hemicycle retry` tries again"
        return _folder(f"steps/{step}", files, f"{kind}; {goes_on if step in used else 'no study uses it'}")

    def _leftovers(self, step: str) -> Iterator[Garbage]:
        """Folders inside a finished step that nobody reads any more."""
        inside: dict[str, Files] = defaultdict(list)
        for file in self.steps[step]:
            name, _, rest = file.name.removeprefix(f"steps/{step}/").partition("/")
            if rest:
                inside[name].append(file)
        for name, files in sorted(inside.items()):
            if name == "train" and all(file.name.startswith(ray_files(step)) for file in files):
                yield _folder(f"steps/{step}/{name}", files, "Ray Train's own files of a finished fit")
            elif _CHECKPOINT.fullmatch(name) and not self._indexed(step, name):
                yield _folder(f"steps/{step}/{name}", files, "a checkpoint that the fit's index does not name")

    def _indexed(self, step: str, name: str) -> bool:
        """Whether a fit's index names a checkpoint, or cannot be asked."""
        try:
            epochs = self.store.read_json(f"steps/{step}/checkpoints.json")["epochs"]
            return int(name.removeprefix("epoch-")) in epochs
        except (StorageError, KeyError, TypeError):
            return True

    def _parts(self) -> Iterator[Garbage]:
        """Partly written files; those inside folders that go as a whole go with these."""
        for file in self.files:
            room, *inside = file.name.split("/")
            whole = room == "steps" and len(inside) > 2 and not self._is_done("/".join(inside[:2]))
            stays = self.damaged or not whole
            if _PART.fullmatch(file.name) and room in ("steps", "studies") and stays:
                yield Garbage(file.name, "partly written by somebody who is gone", file.size, file.changed, single=True)

    def forgotten(self) -> Iterator[Garbage]:
        """A study and the steps that no other study uses."""
        name = self.forget
        if name not in self.studies:
            known = ", ".join(sorted([*self.plans, *self.damaged])) or "none"
            raise InputError(f"there is no study {name!r} in {self.store.uri}", "--study", f"studies: {known}")
        if (driver := working(self.store / "studies" / name)) is not None:
            raise InputError(f"study {name} is being worked on by {driver}", "--study", "wait, or stop it there")
        self._check_live()
        yield _folder(f"studies/{name}", self.studies[name], "the study itself: tables, report, figures")
        if self.damaged:
            return
        others = self._of(self.plans.keys() - {name})
        for step in sorted((self._of([name]) - others) & self.steps.keys()):
            yield _folder(f"steps/{step}", self.steps[step], f"only {name} uses it")


def _following(steps: set[str], inputs: Mapping[str, set[str]]) -> set[str]:
    """Steps all of whose inputs are among some steps, or follow from them."""
    known, found = {step.partition("/")[2] for step in steps}, set[str]()
    while new := {s for s, needs in inputs.items() if s not in found and needs and needs <= known}:
        found |= new
        known |= {step.partition("/")[2] for step in new}
    return found


def ray_files(step: str) -> str:
    """Where Ray Train keeps its own files of a fit; the folder ``train`` of a split graph is something else."""
    return f"steps/{step}/train/{step.rpartition('/')[2]}/"


def _folder(path: str, files: Files, reason: str) -> Garbage:
    return Garbage(path, reason, sum(file.size for file in files), max(file.changed for file in files))


# -- amounts that people write -----------------------------------------------------------------------------------------

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_BYTES = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def parse_age(text: str) -> float:
    """Seconds of e.g. ``30d``, ``12h``, ``2w``.

    Raises:
        InputError: it is no age.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip())
    if found is None:
        raise InputError(f"{text!r} is no age", "--older-than", "write e.g. 30d, 12h or 2w")
    return float(found[1]) * _SECONDS[found[2]]


def parse_size(text: str) -> float:
    """Bytes of e.g. ``1GB``, ``500 MB``, ``2G``.

    Raises:
        InputError: it is no size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    if found is None:
        raise InputError(f"{text!r} is no size", "--larger-than", "write e.g. 1GB or 500MB")
    return float(found[1]) * _BYTES[found[2]]
