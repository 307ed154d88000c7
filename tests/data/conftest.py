import pytest


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch, tmp_path):
    """A key for pseudonyms, no data folder, and an empty current folder."""
    monkeypatch.setenv("HEMICYCLE_KEY", "a key for tests only")
    monkeypatch.delenv("HEMICYCLE_KEY_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
