import gzip
import hashlib
import io
import os
from pathlib import Path
from urllib.error import URLError

import pytest

from hemicycle.core.errors import InputError
from hemicycle.data import registry
from hemicycle.data.catalogue import SOURCE, SOURCES

NEEDS_FILES = sorted(name for name, about in registry.entries().items() if about.files and name != "senate96")


@pytest.mark.parametrize("name", registry.entries())
def test_every_entry_is_complete(name):
    about = registry.entry(name)
    assert all((about.title, about.origin, about.licence, about.citation))
    assert all(len(digest) == 64 for digest in about.files.values())
    assert set(about.downloads) <= set(about.files)
    assert all(url.startswith("https://") for url in about.downloads.values())
    if about.config:
        assert SOURCE.validate(dict(about.config)).source == about.config["source"]


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_has_its_configuration(name):
    source = SOURCE.resolve(name)
    assert name in str(source.Config.model_json_schema()["properties"]["source"])
    assert {"files", "read"} <= set(dir(source))


def test_unknown_name():
    with pytest.raises(InputError, match=r"known: .*gowalla"):
        registry.entry("gowala")


def test_bundled_set_is_here_and_unchanged(monkeypatch):
    monkeypatch.delenv("HEMICYCLE_DATA", raising=False)
    assert registry.verify("senate96").name == "bundled"
    assert registry.fetch("senate96") == []
    assert registry.open_source("senate96").read().users.num_rows == 101


def test_status_without_and_with_files(monkeypatch, tmp_path):
    monkeypatch.delenv("HEMICYCLE_DATA", raising=False)
    states = {row.name: row.state for row in registry.status()}
    assert states == {**dict.fromkeys(NEEDS_FILES, "missing"), "senate96": "bundled", "synthetic": "made"}
    (tmp_path / "ches").mkdir()
    (tmp_path / "ches" / "country_abbr.csv").write_text("x")
    monkeypatch.setenv("HEMICYCLE_DATA", str(tmp_path))
    row = next(row for row in registry.status() if row.name == "ches")
    assert (row.state, row.where) == ("incomplete", str(tmp_path / "ches"))


@pytest.mark.parametrize("folder", [None, "empty"])
def test_missing_set_says_from_where_to_where(monkeypatch, tmp_path, folder):
    monkeypatch.delenv("HEMICYCLE_DATA", raising=False)
    if folder:
        monkeypatch.setenv("HEMICYCLE_DATA", str(tmp_path / folder))
    for call in (registry.locate, registry.verify, registry.open_source):
        with pytest.raises(InputError, match=r"lacks polblogs\.gml\.gz") as caught:
            call("polblogs")
        assert "netdata" in caught.value.problems[0].remedy
        assert "$HEMICYCLE_DATA/polblogs" in caught.value.problems[0].remedy


def test_sets_that_are_no_graph_or_no_files():
    with pytest.raises(InputError, match="no interactions"):
        registry.open_source("ches")
    with pytest.raises(InputError, match="made, not read"):
        registry.locate("synthetic")


def test_changed_file_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HEMICYCLE_DATA", str(tmp_path))
    (tmp_path / "lastfm").mkdir()
    for file in registry.entry("lastfm").files:
        (tmp_path / "lastfm" / file).write_bytes(b"changed")
    assert registry.locate("lastfm") == tmp_path / "lastfm"
    with pytest.raises(InputError) as caught:
        registry.verify("lastfm")
    assert len(caught.value.problems) == 3


def test_fetch_downloads_what_is_missing(monkeypatch, tmp_path):
    asked = []

    def answer(url, timeout):
        asked.append((url, timeout))
        return io.BytesIO(b"a,b\n1,2\n")

    monkeypatch.setattr(registry, "urlopen", answer)
    monkeypatch.setenv("HEMICYCLE_DATA", str(tmp_path))
    folder = tmp_path / "us_senate_rollcall"
    folder.mkdir()
    (folder / "S096_members.csv").write_text("mine")
    new = registry.fetch("us_senate_rollcall")
    assert len(new) == len(asked) == 7
    assert gzip.decompress((folder / "S117_votes.csv.gz").read_bytes()) == b"a,b\n1,2\n"
    assert (folder / "S096_members.csv").read_text() == "mine"
    assert ("https://voteview.com/static/data/out/votes/S117_votes.csv", 60) in asked
    assert registry.fetch("us_senate_rollcall") == []
    assert not [path for path in folder.iterdir() if "part" in path.name]


def test_fetch_without_network(monkeypatch, tmp_path):
    def refuse(url, timeout):
        raise URLError("no route")

    monkeypatch.setattr(registry, "urlopen", refuse)
    monkeypatch.setenv("HEMICYCLE_DATA", str(tmp_path))
    with pytest.raises(InputError, match="no route") as caught:
        registry.fetch("us_senate_rollcall")
    assert "save it as" in caught.value.problems[0].remedy


def test_fetch_without_address_or_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("HEMICYCLE_DATA", raising=False)
    with pytest.raises(InputError, match="set HEMICYCLE_DATA"):
        registry.fetch("gowalla")
    monkeypatch.setenv("HEMICYCLE_DATA", str(tmp_path))
    with pytest.raises(InputError, match="LightGCN-PyTorch"):
        registry.fetch("gowalla")


def test_bundled_checksums_are_of_the_files():
    about = registry.entry("senate96")
    folder = registry.locate("senate96")
    assert {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in about.files} == about.files


@pytest.mark.data
@pytest.mark.parametrize("name", NEEDS_FILES)
def test_sets_on_this_machine(name):
    folder = Path(os.environ.get("HEMICYCLE_DATA", "/nowhere")) / name
    if not folder.is_dir():
        pytest.skip(f"$HEMICYCLE_DATA/{name} is not there")
    assert registry.verify(name) == folder.absolute()
    if registry.entry(name).config:
        assert registry.open_source(name).read().users.num_rows > 50
