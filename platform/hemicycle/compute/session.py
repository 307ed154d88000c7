"""Start or join a Ray cluster, quietly."""

import logging
import os
import socket
import warnings
from typing import Any
from urllib.parse import urlsplit

from hemicycle.core.errors import InputError

QUIET = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_DEDUP_LOGS": "1",
}
"""Settings that keep Ray's own chatter from the user, and small Train runs short."""


def start(address: str | None = None, cpus: int | None = None) -> None:
    """Join the cluster at ``address``, or that of the surrounding job, or start one on this machine.

    Args:
        address: ``host:port``, ``ray://host:port`` or ``auto``; None: ``$RAY_ADDRESS``, else a cluster of our own.
        cpus: cores of a cluster of our own; None: all.

    Raises:
        InputError: nothing answers at the address.
    """
    os.environ.update({key: value for key, value in QUIET.items() if key not in os.environ})
    import ray  # noqa: PLC0415 - slow to import, and only needed here

    if ray.is_initialized():
        return
    where = "--address" if address else "$RAY_ADDRESS"
    address = address or os.environ.get("RAY_ADDRESS") or None
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if address is None:
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, **options)
            return
        check_address(address, where)
        try:
            ray.init(address=address, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise InputError(
                f"cannot join the Ray cluster at {address}: {first}",
                where,
                "check the address; where the cluster asks for a token, export RAY_AUTH_MODE=token",
            ) from error


def check_address(address: str, where: str = "--address", seconds: float = 3.0) -> None:
    """Raise an InputError when nobody listens at ``host:port`` or ``ray://host:port``."""
    if address in ("auto", "local"):
        return
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    remedy = "give host:port of a running head (`ray start --head` prints it), or leave --address out"
    if parts.scheme not in ("ray", "http", "https"):
        return
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise InputError(f"{address!r} is not an address", where, remedy)
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except OSError as error:
        raise InputError(f"no Ray cluster answers at {address} ({error})", where, remedy) from error


def stop() -> None:
    """Leave the cluster; one of our own ends with it."""
    import ray  # noqa: PLC0415 - as above

    if ray.is_initialized():
        ray.shutdown()
