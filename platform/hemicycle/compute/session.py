"""Start or join a Ray cluster, quietly."""

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
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
SETTINGS_FRAME = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


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

    where = "--address" if address else "$RAY_ADDRESS"
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address != "local":
        check_address(address, where)
    if ray.is_initialized():
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if address == "local":
            ray.init(address=address, num_cpus=cpus, include_dashboard=False, **options)
            return
        try:
            ray.init(address=address, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise InputError(
                f"cannot join the Ray cluster at {address}: {next(iter(str(error).splitlines()), '')}",
                where,
                "check the address; where the cluster asks for a token, export RAY_AUTH_MODE=token",
            ) from error


def check_address(address: str, where: str = "--address", seconds: float = 3.0) -> None:
    """Raise an InputError unless a Ray head answers at ``host:port`` or ``ray://host:port``.

    ``ray.init`` itself would try for more than a minute and then end the process.
    """
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    if address == "auto" or parts.scheme not in ("ray", "http", "https"):
        return
    remedy = "give host:port of a running head (`ray start --head` prints it), or leave it out"
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.scheme != "ray":
        raise InputError(f"{address!r} is not an address", where, remedy)
    try:
        is_ray = _speaks_grpc(host, port, seconds)
    except OSError as error:
        raise InputError(f"no Ray cluster answers at {address} ({error})", where, remedy) from error
    if not is_ray:
        raise InputError(f"what answers at {address} is no Ray head", where, remedy)


def _speaks_grpc(host: str, port: int, seconds: float) -> bool:
    """Tell whether the server greets in HTTP/2, with a SETTINGS frame (RFC 9113, section 3.4)."""
    with socket.create_connection((host, port), timeout=seconds) as connection:
        if os.environ.get("RAY_USE_TLS", "0") == "1":
            return True
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS_FRAME)
        return connection.recv(len(SETTINGS_FRAME))[3:4] == SETTINGS_FRAME[3:4]


def stop() -> None:
    """Leave the cluster; one of our own ends with it."""
    import ray  # noqa: PLC0415 - as above

    if ray.is_initialized():
        with _unheard():
            ray.shutdown()


@contextmanager
def _unheard() -> Iterator[None]:
    """Send what goes to this process's standard error nowhere.

    Ray's C++ part writes there, past Python, of tasks that end with the cluster.
    """
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
