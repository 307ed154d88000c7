"""Leases: one driver a study, stale ones are taken over, and who lost one stops."""

import json
import multiprocessing
import socket
import time
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.studies import locks
from hemicycle.studies.locks import LEASE, STALE, Driver, LeaseLostError, hold, read_driver, take, working

NOBODY = 2**22 + 1
"""No process has this number: Linux counts to 2^22."""


@pytest.fixture
def folder(tmp_path):
    return Folder.at(tmp_path / "study")


def written(folder, **changes):
    """Write a lease of this process with some changes."""
    driver = replace(Driver.this(), **changes)
    folder.write_json(LEASE, asdict(driver))
    return driver


def test_a_lease_names_who_works_and_goes_with_the_block(folder):
    with hold(folder) as lease:
        found = working(folder)
        assert found == lease.driver
        assert str(found).startswith(f"process {found.pid} on {socket.gethostname()}, started 2")
        with pytest.raises(InputError, match=f"study is being worked on by process {found.pid} on") as caught:
            take(folder)
        assert "hemicycle status" in caught.value.problems[0].remedy
    assert folder.names() == []
    assert not list(folder.local.iterdir()), "nor a hidden file"


def test_a_lease_goes_when_the_work_breaks(folder):
    with pytest.raises(KeyboardInterrupt), hold(folder):
        raise KeyboardInterrupt
    assert working(folder) is None
    assert folder.names() == []


@pytest.mark.parametrize(
    ("changes", "alive"),
    [
        ({}, True),
        ({"pid": NOBODY}, False),
        ({"born": 1.0}, False),  # the number went to another process
        ({"beat": 1.0}, False),
        ({"pid": NOBODY, "host": "elsewhere"}, True),
        ({"pid": NOBODY, "space": "a container"}, True),
        ({"host": "elsewhere", "beat": 1.0}, False),
    ],
)
def test_who_is_alive(folder, changes, alive, caplog):
    driver = written(folder, **changes)
    assert driver.alive is alive
    assert (working(folder) is not None) is alive
    if alive:
        with pytest.raises(InputError, match="is being worked on"):
            take(folder)
    else:
        assert take(folder).token != driver.token
        assert f"study: taking over from process {driver.pid} on {driver.host}" in caplog.text


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"pid": "x"}', b'{"token": "a", "host": "b", "pid": "c"}']
)
def test_a_damaged_lease_is_nobodys(folder, content, caplog):
    folder.write_bytes(LEASE, content)
    assert read_driver(folder) is None
    with hold(folder):
        assert working(folder) is not None
    assert "a driver whose file is damaged" in caplog.text


def test_a_lease_of_a_later_version_is_understood(folder):
    driver = Driver.this()
    folder.write_json(LEASE, asdict(driver) | {"mood": "good"})
    assert read_driver(folder) == driver


def test_progress_is_told_and_the_rest_estimated(folder):
    with hold(folder) as lease:
        lease.tell(slots=2, total=10)
        lease.step(4.0, (1, 10, 0))
        lease.step(None, (2, 10, 1))
        lease.step(2.0, (3, 12, 1))
        lease.tell(write=True)
        found = working(folder)
    assert (found.done, found.total, found.failed, found.ran, found.seconds) == (3, 12, 1, 2, 6.0)
    assert found.left == (12 - 3) * 3.0 / 2
    assert Driver("t", "h", 1).left is None


def test_the_heart_beats(folder, monkeypatch):
    monkeypatch.setattr(locks, "BEAT", 0.01)
    with hold(folder) as lease:
        first = lease.driver.beat
        end = time.monotonic() + 300
        while read_driver(folder).beat <= first:
            assert time.monotonic() < end


@pytest.mark.parametrize("gone", [True, False])
def test_who_lost_a_lease_stops_and_leaves_the_others_alone(folder, gone):
    with hold(folder) as lease:
        if gone:
            folder.remove(LEASE)
        else:
            other = written(folder)
        with pytest.raises(LeaseLostError, match=f"no sign of life for {STALE:.0f} s and stops here"):
            lease.tell(write=True)
        with pytest.raises(LeaseLostError):
            lease.step(1.0, (1, 1, 0))
    assert read_driver(folder) == (None if gone else other)


def test_other_leases_of_a_folder_are_others(folder):
    with hold(folder), hold(folder, "gc.json"):
        assert folder.names() == [LEASE, "gc.json"]


@given(
    st.dictionaries(
        st.sampled_from(["token", "host", "pid", "born", "beat", "started", "seconds"]),
        st.none() | st.text() | st.lists(st.none()),
        min_size=1,
    )
)
def test_nothing_in_a_lease_breaks_the_reader(tmp_path_factory, changes):
    folder = Folder.at(tmp_path_factory.getbasetemp() / "any")
    folder.write_bytes(LEASE, json.dumps(asdict(Driver.this()) | changes).encode())
    assert working(folder) is None or working(folder).alive


def contend(place, start, won):
    """Try to take a lease, as one process of several."""
    start.wait()
    try:
        won.put(take(Folder.at(place)).pid)
        start.wait()  # stay alive until all have tried
    except InputError:
        start.wait()


@pytest.mark.slow
def test_of_many_who_take_over_a_stale_lease_one_wins(folder):
    context = multiprocessing.get_context("spawn")
    written(folder, pid=NOBODY)
    start, won = context.Barrier(4), context.Queue()
    others = [context.Process(target=contend, args=(folder.uri, start, won)) for _ in range(4)]
    for process in others:
        process.start()
    pid = won.get(timeout=120)
    for process in others:
        process.join(120)
    assert won.empty()
    assert pid in {process.pid for process in others}
    assert working(folder) is None, "its process is gone"


def test_on_an_object_store_the_last_writer_has_it(folder, monkeypatch):
    """What two drivers do that write at the same moment where nothing can be locked."""
    monkeypatch.setattr(locks, "SETTLE", 0.0)
    monkeypatch.setattr(Folder, "local", None)
    rival = replace(Driver.this(), host="elsewhere", started=1.0)

    def meanwhile(_):
        folder.write_json(LEASE, asdict(rival))

    monkeypatch.setattr(locks.time, "sleep", meanwhile)
    with pytest.raises(InputError, match="is being worked on"):
        take(folder)
    assert read_driver(folder) == rival
