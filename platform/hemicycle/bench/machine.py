"""What a measurement was made on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import torch

PACKAGES = ("hemicycle", "torch", "torch-geometric", "numpy", "scipy", "numba")


def describe(device: str) -> dict[str, Any]:
    """Processor, cores, memory, load before the run, and versions of our own environment."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu",
        "packages": {name: _version(name) for name in PACKAGES},
    }


def sentence(about: dict[str, Any]) -> str:
    """Describe a machine for people."""
    packages = ", ".join(f"{name} {number}" for name, number in about["packages"].items())
    device = "" if about["device"] == "cpu" else f", {about['device']}"
    return (
        f"{about['processor']}, {about['cores']} cores, {about['memory_gb']} GB{device}; load before the run "
        f"{about['load_before']}; Python {about['python']}, {packages}."
    )


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
