"""Runs on a Weights & Biases dashboard: online with a key, else offline in the store, to be synced later."""

import netrc
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import wandb

from hemicycle.core.disclosure import scrub
from hemicycle.core.storage import Folder
from hemicycle.core.tracking import TrackedRun

Mode = Literal["auto", "online", "offline", "disabled"]
HOST = "api.wandb.ai"


def has_key() -> bool:
    """True when WANDB_API_KEY is set or netrc knows the dashboard's host."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = os.environ.get("WANDB_BASE_URL", HOST).removeprefix("https://").removeprefix("http://").split("/")[0]
    try:
        return netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def resolve(mode: Mode) -> Mode:
    """What a mode comes to: ``auto`` and ``online`` are offline where there is no key."""
    if mode in {"auto", "online"}:
        return "online" if has_key() else "offline"
    return mode


class WandbTracker:
    """One wandb run per tracked run, with the same id each time; a marker in the folder prevents doubling.

    Nothing about the machine, its user, its code or its packages is sent, and every payload passes the disclosure
    scrub.

    Args:
        folder: where runs and markers lie.
        project: the dashboard's project.
        mode: ``auto`` or ``online`` (online with a key, offline without), ``offline``, or ``disabled``: nothing.
    """

    def __init__(self, folder: Folder, project: str, mode: Mode = "auto") -> None:
        self.folder = folder
        self.project = project
        self.mode = resolve(mode)

    def record(self, run: TrackedRun) -> None:
        """Tell of one run, once in each mode.

        Raises:
            DisclosureError: the run holds something other than aggregates; nothing has been told.
        """
        if self.mode == "disabled":
            return
        marker = f"{run.id}.{self.mode}.json"
        told = self.folder / "told"
        config, summary = scrub(run.config, "config"), scrub(run.summary, "summary")
        history = [scrub(point, "history") for point in run.history]
        if told.exists(marker):
            return
        with local_directory(self.folder) as directory:
            self._tell(run, directory, (config, summary, history))
        told.write_json(marker, {"id": run.id, "name": run.name, "project": self.project})

    def _tell(
        self, run: TrackedRun, directory: Path, payload: tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]
    ) -> None:
        config, summary, history = payload
        with wandb.init(
            project=self.project,
            id=run.id,
            name=run.name,
            group=run.group,
            job_type=run.kind,
            config=config,
            resume="allow",
            mode="online" if self.mode == "online" else "offline",
            dir=directory,
            settings=quiet_settings(),
        ) as told:
            told.define_metric("step")
            told.define_metric("*", step_metric="step", summary="none")
            for point in history:
                told.log(point)
            told.summary.update(summary)


@contextmanager
def local_directory(folder: Folder) -> Iterator[Path]:
    """The folder on a local disk; on an object store a temporary one whose files are then copied there."""
    if folder.local is not None:
        folder.local.mkdir(parents=True, exist_ok=True)
        yield folder.local
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        for path in sorted(Path(name).rglob("*")):
            if path.is_file() and not path.is_symlink():
                place = folder
                for part in path.relative_to(name).parts[:-1]:
                    place = place / part
                place.write_bytes(path.name, path.read_bytes())


def quiet_settings() -> wandb.Settings:
    """Settings that print nothing and send nothing of the machine, its user, code or packages."""
    return wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        disable_code=True,
        disable_job_creation=True,
        save_code=False,
        host="",
        username="",
        email="",
        program="",
        program_relpath="",
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )
