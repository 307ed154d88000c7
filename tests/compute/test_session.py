"""Addresses that nobody answers, and what a user is told about them."""

import contextlib
import os
import socket
import threading
import time

import pytest

from hemicycle.compute import session
from hemicycle.core.errors import InputError


@pytest.fixture
def no_ray(monkeypatch):
    """A process that has joined no cluster, and fails where it would start one."""
    import ray

    def forbidden(*args, **options):
        raise AssertionError("a cluster was started")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", forbidden)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return monkeypatch


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "no.such.host.invalid:6379"])
def test_an_unreachable_address_is_an_input_error_within_seconds(no_ray, address):
    start = time.monotonic()
    with pytest.raises(InputError, match="no Ray cluster answers at") as caught:
        session.start(address)
    assert time.monotonic() - start < 10
    (problem,) = caught.value.problems
    assert problem.where == "--address"
    assert "ray start --head" in problem.remedy


@pytest.mark.parametrize("address", ["somewhere", "host:", "host:99999", ":6379", "http://host:8265"])
def test_what_is_not_an_address_is_an_input_error(no_ray, address):
    with pytest.raises(InputError, match="is not an address"):
        session.start(address)


def test_the_message_names_the_variable_that_gave_the_address(no_ray):
    no_ray.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(InputError, match=r"\$RAY_ADDRESS: no Ray cluster answers at 127.0.0.1:1"):
        session.start()


@contextlib.contextmanager
def answering(content):
    """Address of a server that says the same to everyone, or nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                connection.sendall(content)
                connection.recv(1000)
                connection.close()

        thread = threading.Thread(target=answer)
        if content:
            thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        if content:
            thread.join(10)


@pytest.mark.parametrize(
    ("content", "message"),
    [pytest.param(b"", "timed out", marks=pytest.mark.slow), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is no Ray head")],
)
def test_another_server_is_not_taken_for_a_cluster(no_ray, content, message):
    with answering(content) as address, pytest.raises(InputError, match=message):
        session.start(address)


@pytest.mark.parametrize("error", [ConnectionError, RuntimeError, ValueError])
def test_a_cluster_that_does_not_let_us_in_is_an_input_error(no_ray, error):
    import ray

    def refuse(*args, **options):
        raise error("Unauthenticated\nmore")

    no_ray.setattr(ray, "init", refuse)
    with answering(session.SETTINGS_FRAME) as address, pytest.raises(InputError, match="Unauthenticated\n") as caught:
        session.start(address)
    assert "RAY_AUTH_MODE=token" in caught.value.problems[0].remedy


def test_without_an_address_no_other_cluster_is_joined(no_ray):
    import ray

    given = {}
    no_ray.setattr(ray, "init", lambda **options: given.update(options))
    session.start(cpus=3)
    assert (given["address"], given["num_cpus"]) == ("local", 3)


def test_what_ray_says_as_it_stops_is_not_heard(monkeypatch, capfd):
    import ray

    def shut_down():
        os.write(2, b"task_manager.cc:1545: Failed to push error to driver\n")
        raise KeyboardInterrupt

    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "shutdown", shut_down)
    with pytest.raises(KeyboardInterrupt):
        session.stop()
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
