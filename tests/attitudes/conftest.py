import pytest


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch, tmp_path):
    """A current folder of each test's own, since many write small files and name them relatively."""
    monkeypatch.chdir(tmp_path)
