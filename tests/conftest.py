"""Fixtures of all tests."""

import logging
import os
import warnings
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def ray_session():
    """One Ray of two CPUs on this machine for the whole session, whatever cluster the shell knows."""
    platform = str(Path(__file__).parents[1] / "platform")
    paths = filter(None, [platform, os.environ.get("PYTHONPATH")])
    os.environ |= {"PYTHONPATH": os.pathsep.join(paths), "RAY_AUTH_MODE": "disabled", "RAY_TRAIN_V2_ENABLED": "1"}
    os.environ |= {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}
    os.environ.pop("RAY_ADDRESS", None)
    import ray

    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own, on what it will change
        ray.init(address="local", num_cpus=2, **quiet)
    yield ray
    ray.shutdown()
