"""What the doctor sees, without Ray and without a GPU."""

import pytest

from hemicycle.compute import doctor
from hemicycle.compute.doctor import examine
from hemicycle.core.storage import Folder

NAMES = ["python", "packages", "standard module platform", "machine", "ray authentication", "gpu", "wandb", "store"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def checks(store):
    return {check.name: check for check in examine(store)}


@pytest.fixture
def store(tmp_path):
    return Folder.at(tmp_path / "store")


def test_everything_is_looked_at_and_remedies_say_what_to_do(store):
    found = examine(store)
    assert [check.name for check in found] == NAMES
    assert all(check.found for check in found)
    assert all(check.remedy for check in found if not check.ok)
    assert {check.name for check in found if not check.ok} <= {"machine", "store"}  # whatever runs beside the tests


def test_versions_are_told(store):
    assert "torch " in checks(store)["packages"].found
    assert "ray " in checks(store)["packages"].found


def test_a_missing_package_is_named(store, monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "no-such-package"))
    check = checks(store)["packages"]
    assert (check.ok, check.remedy) == (False, "pip install no-such-package")


def test_a_shadowed_standard_module_is_found(store, monkeypatch):
    monkeypatch.setattr(doctor.platform, "__file__", "/project/platform/__init__.py")
    assert not checks(store)["standard module platform"].ok


def test_little_memory_and_disk_are_told(store, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_MEMORY", 1e18)
    monkeypatch.setattr(Folder, "free_bytes", lambda _: 1e6)
    found = checks(store)
    assert not found["machine"].ok
    assert not found["store"].ok


def test_a_store_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    check = checks(Folder.at(tmp_path / "file" / "store"))["store"]
    assert not check.ok
    assert "not writable" in check.found
    assert "--store" in check.remedy


@pytest.mark.parametrize(
    ("settings", "ok"),
    [
        ({}, True),
        ({"RAY_AUTH_MODE": "token"}, False),
        ({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "secret"}, True),
        ({"RAY_AUTH_TOKEN": "secret"}, True),
        ({"RAY_AUTH_TOKEN": "secret", "RAY_ADDRESS": "127.0.0.1:1"}, False),
    ],
)
def test_ray_token_mode(store, monkeypatch, settings, ok):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    check = checks(store)["ray authentication"]
    assert check.ok is ok
    assert "secret" not in check.found + check.remedy


def test_a_key_for_the_dashboard_is_seen_but_not_shown(store, monkeypatch):
    assert "offline" in checks(store)["wandb"].found
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    found = checks(store)["wandb"].found
    assert "online" in found
    assert "xxx" not in found
