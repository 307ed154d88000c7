"""Folders: whole files or none, DONE last, errors that name the place. The S3 part runs where moto's server does."""

import errno
import io
import json
import pickle
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hemicycle.core import storage
from hemicycle.core.errors import InputError
from hemicycle.core.storage import DONE, Folder, StorageError

TABLE = pa.table({"id": [1, 2], "name": ["a", None]}).replace_schema_metadata({"public": "yes"})


@pytest.fixture
def folder(tmp_path):
    return Folder.at(tmp_path / "run")


@pytest.fixture(params=["disk", "s3"])
def anywhere(request, tmp_path):
    """A folder on disk, and one on an object store."""
    base = tmp_path if request.param == "disk" else request.getfixturevalue("bucket")
    return Folder.at(f"{base}/{uuid.uuid4().hex}/run")


# -- on disk and on S3 alike -----------------------------------------------------------------------------------------


def test_what_is_written_is_read_again(anywhere):
    anywhere.write_json("config.json", {"b": [1, None], "a": "é"})
    anywhere.write_table("rows", TABLE)
    anywhere.write_array("vectors", np.arange(6.0).reshape(2, 3))
    anywhere.write_bytes("note.txt", b"note")
    assert anywhere.read_json("config.json") == {"a": "é", "b": [1, None]}
    assert anywhere.read_table("rows").equals(TABLE, check_metadata=True)
    assert anywhere.read_table("rows", ["name"]).column_names == ["name"]
    np.testing.assert_array_equal(anywhere.read_array("vectors"), [[0, 1, 2], [3, 4, 5]])
    assert anywhere.read_bytes("note.txt") == b"note"
    assert anywhere.names() == ["config.json", "note.txt", "rows.parquet", "vectors.npy"]


def test_a_folder_is_done_once_it_is_finished(anywhere):
    assert not anywhere.exists()
    assert not anywhere.done
    assert anywhere.names() == []
    anywhere.write_bytes("a", b"12")
    assert not anywhere.done
    anywhere.finish()
    assert anywhere.done
    assert anywhere.size() == 2


def test_deleting_takes_all_and_asks_for_nothing(anywhere):
    (anywhere / "inner").write_bytes("a", b"1")
    anywhere.finish()
    anywhere.delete()
    anywhere.delete()
    assert not anywhere.exists()
    assert not anywhere.exists("inner/a")
    assert anywhere.size() == 0


def test_overwriting_replaces_the_whole_file(anywhere):
    anywhere.write_bytes("a", b"a long text")
    anywhere.write_bytes("a", b"short")
    assert (anywhere.read_bytes("a"), anywhere.names()) == (b"short", ["a"])


def test_a_writer_that_fails_leaves_the_old_file_and_no_part(anywhere):
    anywhere.write_bytes("a", b"old")

    def fail(stream):
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        anywhere.write("a", fail)
    assert (anywhere.read_bytes("a"), anywhere.names(), anywhere.size()) == (b"old", ["a"], 3)


def test_a_folder_travels_by_its_name(anywhere):
    anywhere.write_bytes("a", b"1")
    back = pickle.loads(pickle.dumps(anywhere))  # noqa: S301 our own bytes
    assert back == anywhere
    assert hash(back) == hash(anywhere)
    assert back.read_bytes("a") == b"1"
    assert (back / "x" / "y").name == "y"


def test_a_missing_file_says_so(anywhere):
    for action in (anywhere.read_bytes, anywhere.read_json, anywhere.read_table, anywhere.read_array):
        with pytest.raises(StorageError, match=r"run/nothing.* is not there"):
            action("nothing")


@pytest.mark.parametrize("content", [b'{"a": ', b"\xff\xfe", b""])
def test_a_damaged_file_says_what_to_do(anywhere, content):
    for name, action in (("a.json", lambda: anywhere.read_json("a.json")), ("a.npy", lambda: anywhere.read_array("a"))):
        anywhere.write_bytes(name, content)
        with pytest.raises(StorageError, match=rf"{name} is damaged.*Delete its folder"):
            action()
    anywhere.write_bytes("a.parquet", content)
    with pytest.raises(StorageError, match=r"a\.parquet is damaged"):
        anywhere.read_table("a")


def test_a_cut_array_is_damaged(anywhere):
    anywhere.write_array("a", np.arange(1000))
    anywhere.write_bytes("a.npy", anywhere.read_bytes("a.npy")[:-8])
    with pytest.raises(StorageError, match="damaged"):
        anywhere.read_array("a")


def test_writability_is_tried_and_leaves_nothing(anywhere):
    anywhere.check_writable()
    assert anywhere.names() == []


# -- on disk ---------------------------------------------------------------------------------------------------------


def test_done_is_the_last_file_written_and_the_first_removed(folder):
    order = []
    filesystem = storage.pafs.LocalFileSystem()

    class Spy:
        def move(self, source, target):
            order.append(Path(target).name)
            filesystem.move(source, target)

        def delete_file(self, path):
            order.append(f"-{Path(path).name}")
            filesystem.delete_file(path)

        def delete_dir(self, path):
            order.append("-folder")
            filesystem.delete_dir(path)

        def __getattr__(self, name):
            return getattr(filesystem, name)

    folder.__dict__["_where"] = (Spy(), folder.uri)
    folder.write_json("a.json", {})
    folder.write_array("b", np.arange(3))
    folder.finish()
    folder.delete()
    assert order == ["a.json", "b.npy", DONE, f"-{DONE}", "-folder"]


@settings(deadline=None)
@given(
    arrays.arrays(
        st.sampled_from(["f4", "f8", "i4", ">i8", "?", "U3"]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
def test_arrays_keep_shape_type_and_values(tmp_path_factory, array):
    folder = Folder.at(tmp_path_factory.mktemp("array"))
    for kept in (array, np.asfortranarray(array), array[..., ::-1] if array.ndim else array):
        folder.write_array("a", kept)
        back = folder.read_array("a")
        assert (back.shape, back.dtype) == (kept.shape, kept.dtype)
        np.testing.assert_array_equal(back, kept)
        np.testing.assert_array_equal(np.load(folder.local / "a.npy"), kept)


def test_a_local_array_is_mapped_and_read_only(folder):
    folder.write_array("a", np.arange(4))
    array = folder.read_array("a")
    assert isinstance(array.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_objects_are_not_pickled_into_arrays(folder):
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    folder.write_bytes("a.npy", buffer.getvalue())
    with pytest.raises(StorageError, match="damaged"):
        folder.read_array("a")


def test_numbers_of_numpy_stay_numbers_in_json(folder):
    folder.write_json("a.json", {"f": np.float32(0.5), "i": np.int64(3), "v": np.arange(2), "p": folder.local})
    assert folder.read_json("a.json") == {"f": 0.5, "i": 3, "v": [0, 1], "p": folder.uri}


def test_a_full_disk_is_named_and_leaves_nothing(folder, monkeypatch):
    """Write to the kernel's always-full device in place of the part file."""
    if not Path("/dev/full").is_char_device():
        pytest.skip("no /dev/full here")
    folder.write_bytes("a", b"old")
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=0))
    (folder.local / "a.part-00000000").symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"no space left on the disk of .*run.*Free some") as caught:
        folder.write_bytes("a", b"new" * 100_000)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert [path.name for path in folder.local.iterdir()] == ["a"]
    assert folder.read_bytes("a") == b"old"


def test_a_store_that_cannot_be_written_is_the_users_problem(tmp_path):
    (tmp_path / "file").write_text("in the way")
    folder = Folder.at(tmp_path / "file" / "store")
    with pytest.raises(InputError, match=r"file/store is not writable") as caught:
        folder.check_writable()
    assert "--store" in caught.value.problems[0].remedy
    with pytest.raises(StorageError, match=r"file/store"):
        folder.write_bytes("a", b"1")


@pytest.mark.parametrize(("uri", "what"), [("nonsense://x", "cannot open storage"), ("s3://", "s3:// is not writable")])
def test_an_address_of_no_store_is_the_users_problem(uri, what):
    with pytest.raises(InputError, match=what):
        Folder.at(uri).check_writable()


def test_relative_paths_are_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Folder.at("store").uri == Folder.at("~/store").uri == str(tmp_path / "store")
    assert Folder.at("s3://bucket/x/").uri == "s3://bucket/x"


def test_free_space_is_that_of_the_nearest_folder_that_exists(tmp_path):
    free = Folder.at(tmp_path / "not" / "yet").free_bytes()
    assert 0 < free < 2**60
    assert json.dumps(free)


def test_a_file_uri_is_a_local_folder(tmp_path):
    assert Folder.at(tmp_path.as_uri()).local == tmp_path


# -- on S3 -----------------------------------------------------------------------------------------------------------


def test_an_object_store_has_no_local_path_and_no_disk(bucket):
    folder = Folder.at(f"{bucket}/x")
    assert folder.local is None
    assert folder.free_bytes() is None


def test_a_bucket_that_is_not_there_is_the_users_problem(bucket):
    with pytest.raises(InputError, match="nobody-has-it"):
        Folder.at(f"{bucket}-nobody-has-it/x").check_writable()
