"""Throwaway environments of other people's packages: made once in a cache folder from pinned versions, then reused."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from hemicycle.bench.cases import OWN
from hemicycle.core.config import fingerprint
from hemicycle.core.errors import HemicycleError

_INSTALL_S = 1800
_LOCK = "installed.txt"


def _torch() -> str:
    """Our own version of torch, so that peers compute with the same kernels; its build is the installer's choice."""
    return f"torch=={version('torch').partition('+')[0]}"


def pins() -> Mapping[str, tuple[str, ...]]:
    """Environment -> what is installed into it. RecBole 1.2.1 needs numpy 1, an older scipy, and pkg_resources.

    NDlib 6.0.1 needs scikit-learn and six, and does not say so.
    """
    return {
        "agents": (
            "ndlib==6.0.1",
            "mesa==3.3.1",
            "networkx==3.6.1",
            "numpy==2.4.6",
            "scikit-learn==1.9.1",
            "six==1.17.0",
        ),
        "factors": ("implicit==0.7.3", "cornac==3.0.1", "numpy==2.4.6", "scipy==1.17.1"),
        "prince": ("prince==0.23.0", "numpy==2.4.6", "scipy==1.17.1"),
        "recbole": (
            "recbole==1.2.1",
            _torch(),
            "numpy==1.26.4",
            "scipy==1.12.0",
            "pandas==2.2.3",
            "setuptools==80.9.0",
        ),
    }


class NoPeerError(HemicycleError):
    """A peer cannot be installed here."""


@dataclass(frozen=True)
class Environment:
    """A Python that can run cases.

    Args:
        python: its interpreter.
        packages: what is installed, ``name==version``.
    """

    python: Path
    packages: tuple[str, ...] = ()


def environment(name: str, cache: Path) -> Environment:
    """Return an environment, made now unless the cache holds it.

    Args:
        name: ``OWN``, or a key of :func:`pins`.
        cache: folder of all environments.

    Raises:
        NoPeerError: it cannot be made; says why.
    """
    if name == OWN:
        return Environment(Path(sys.executable))
    wanted = pins()[name]
    place = cache / f"{name}-{fingerprint([*wanted, sys.version])[:8]}"
    lock = place / _LOCK
    if not lock.is_file():
        shutil.rmtree(place, ignore_errors=True)
        lock.write_text(_make(place, wanted), encoding="utf-8")
    return Environment(_python(place), tuple(lock.read_text(encoding="utf-8").split()))


def _python(place: Path) -> Path:
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _make(place: Path, wanted: tuple[str, ...]) -> str:
    """Make a virtual environment, and return all that was installed into it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    _call(sys.executable, "-m", "venv", str(place))
    pip = (str(_python(place)), "-m", "pip", "--disable-pip-version-check", "--no-input")
    _call(*pip, "install", "--quiet", *wanted)
    return _call(*pip, "freeze", "--all")


def _call(*command: str) -> str:
    """Run a command and return what it prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=True)  # noqa: S603 - ours
    except subprocess.TimeoutExpired as error:
        raise NoPeerError(f"no end after {_INSTALL_S} s: {' '.join(command[1:])}") from error
    except (subprocess.CalledProcessError, OSError) as error:
        said = getattr(error, "stderr", "") or str(error)
        lines = [line for line in said.splitlines() if line.strip() and "WARNING" not in line]
        raise NoPeerError(lines[-1].strip() if lines else "cannot be installed") from error
    return done.stdout
