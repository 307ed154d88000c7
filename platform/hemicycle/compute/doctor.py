"""Examine a machine: what is there, what is missing, what to do."""

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch

from hemicycle.core.errors import HemicycleError
from hemicycle.core.storage import Folder

PACKAGES = ("hemicycle", "torch", "torch-geometric", "ray", "wandb", "pyarrow", "pandas", "numba", "altair")
LEAST_MEMORY, LEAST_DISK = 4e9, 2e9


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: ``ok`` is False when something must be done, which ``remedy`` says."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine(store: Folder) -> list[Check]:
    """Look at everything that a run needs."""
    looks: tuple[Callable[[], Check], ...] = (_python, _packages, _stdlib, _memory, _token, _gpu, _wandb)
    return [look() for look in looks] + _storage(store)


def _python() -> Check:
    return Check("python", sys.version_info >= (3, 11), platform.python_version(), "install Python 3.11 or newer")


def _packages() -> Check:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    return Check("packages", not missing, ", ".join(found), f"pip install {' '.join(missing)}")


def _stdlib() -> Check:
    path = getattr(platform, "__file__", "") or ""
    ok = hasattr(platform, "system") and Path(path).name == "platform.py"
    return Check("standard module platform", ok, path, "remove the file or package named platform from the path")


def _memory() -> Check:
    free = psutil.virtual_memory().available
    found = f"{os.cpu_count()} cores, {free / 1e9:.1f} GB of memory available"
    return Check("machine", free > LEAST_MEMORY, found, "close other programs; large graphs need more memory")


def _token() -> Check:
    """Ray's token mode: a head that was started by hand asks for the token, and clients must be told so."""
    mode = os.environ.get("RAY_AUTH_MODE", "")
    file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()
    has_token = bool(os.environ.get("RAY_AUTH_TOKEN")) or file.exists()
    found = f"RAY_AUTH_MODE={mode or 'not set'}, {'a token' if has_token else 'no token'}"
    if mode == "token" and not has_token:
        return Check("ray authentication", False, found, "make a token: ray get-auth-token --generate")  # noqa: FBT003
    if has_token and not mode and os.environ.get("RAY_ADDRESS"):
        return Check("ray authentication", False, found, "export RAY_AUTH_MODE=token before joining a cluster")  # noqa: FBT003
    return Check("ray authentication", ok=True, found=found)


def _gpu() -> Check:
    if not torch.cuda.is_available():
        return Check("gpu", ok=True, found="none; everything runs on the CPU")
    names = {torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())}
    return Check("gpu", ok=True, found=f"{torch.cuda.device_count()} x {', '.join(sorted(names))}")


def _wandb() -> Check:
    key = bool(os.environ.get("WANDB_API_KEY")) or "api.wandb.ai" in _netrc()
    return Check("wandb", ok=True, found="a key: runs go online" if key else "no key: runs stay offline in the store")


def _netrc() -> str:
    path = Path("~/.netrc").expanduser()
    return path.read_text(encoding="utf-8", errors="ignore") if path.is_file() else ""


def _storage(store: Folder) -> list[Check]:
    try:
        store.check_writable()
    except HemicycleError as error:
        return [Check("store", ok=False, found=str(error).splitlines()[0], remedy="choose another with --store")]
    free = store.free_bytes()
    found = store.uri if free is None else f"{store.uri}, {free / 1e9:.0f} GB free"
    return [Check("store", free is None or free > LEAST_DISK, found, "free some disk or choose another --store")]
