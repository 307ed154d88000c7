"""The mark of a store: what is taken for one, what may become one, what is refused."""

import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.studies.marker import MARKER, check_ours, check_store, check_usable, looks_ours, mark


@pytest.fixture
def store(tmp_path):
    return Folder.at(tmp_path / "store")


def test_a_new_folder_becomes_a_store(store):
    check_store(store)
    assert not store.exists()
    check_usable(store)
    assert store.names() == []
    mark(store)
    mark(store)
    check_ours(store)
    assert store.names() == [MARKER]


@pytest.mark.parametrize("name", [".DS_Store", "lost+found"])
def test_what_the_system_leaves_does_not_count(store, name):
    store.write_bytes(name, b"x")
    check_usable(store)


@pytest.mark.parametrize(
    ("file", "ours"),
    [
        (f"steps/fit/{'0' * 32}/a", True),
        ("studies/x-12345678/plan.json", True),
        ("steps/fit/readme/a", False),
        ("studies/x/thesis.tex", False),
        ("a", False),
    ],
)
def test_layouts(store, file, ours):
    folder, _, name = file.rpartition("/")
    (store / folder if folder else store).write_bytes(name, b"x")
    assert looks_ours(store) is ours
    if ours:
        check_store(store)
        check_ours(store)
    else:
        with pytest.raises(InputError, match=r"is no store of hemicycle: it holds .*") as caught:
            check_usable(store)
        assert "choose an empty or new folder" in str(caught.value)


def test_only_a_certain_store_is_ours(store):
    with pytest.raises(InputError, match=f"has no {MARKER} and is empty"):
        check_ours(store)
    (store / "steps" / "fit" / ("0" * 32)).write_bytes("a", b"x")
    store.write_bytes("photo.jpg", b"x")
    check_store(store)
    with pytest.raises(InputError, match=r"other things than a store: photo\.jpg"):
        check_ours(store)
    mark(store)
    check_ours(store)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": "new"}', b'{"format": null}'])
def test_a_damaged_mark(store, content):
    store.write_bytes(MARKER, content)
    with pytest.raises(InputError, match="the mark of the store is damaged") as caught:
        check_usable(store)
    assert '{"format": 1}' in str(caught.value)


def test_a_newer_store(store):
    store.write_json(MARKER, {"format": 2})
    with pytest.raises(InputError, match="the store has format 2; this version of hemicycle knows 1"):
        check_usable(store)


def test_a_place_that_is_none(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is not writable"):
        check_usable(Folder.at(tmp_path / "file" / "store"))
