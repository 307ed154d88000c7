"""The source of studies that need no data."""

from hemicycle.core.storage import Folder
from hemicycle.data.catalogue import SOURCE
from hemicycle.data.schema import Dataset


def test_it_is_empty_needs_no_file_and_can_be_kept(tmp_path):
    source = SOURCE.build(SOURCE.validate("none"))
    found = source.read()
    assert (found.users.num_rows, found.items, found.relations, source.files()) == (0, None, {}, [])
    found.write(Folder.at(tmp_path))
    assert Dataset.read(Folder.at(tmp_path)).users.column_names == ["id"]
