import pyarrow as pa

from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset, Relation, is_public, roles, sensitive_columns, tag, with_role

TABLE = pa.table({"id": ["a", "b"], "lean": [0.5, 1.0], "party": ["x", "y"], "bio": ["", ""], "n": [1, 2]})
ROLES = {"id": "id", "lean": "label", "party": "group", "bio": "text"}


def test_roles_and_sensitivity_stand_in_the_schema():
    table = tag(TABLE, ROLES, public=False)
    assert roles(table) == {**ROLES, "n": "other"}
    assert with_role(table, "label") == ["lean"]
    assert sensitive_columns(table) == ["lean", "party"]
    assert not is_public(table)


def test_public_entities_have_nothing_sensitive():
    table = tag(TABLE, ROLES, public=True)
    assert sensitive_columns(table) == []
    assert is_public(table)


def test_an_untagged_table_is_not_public():
    assert not is_public(TABLE)
    assert sensitive_columns(TABLE) == []
    assert set(roles(TABLE).values()) == {"other"}


def test_data_set_round_trip(tmp_path):
    edges = pa.table({"user": pa.array([0], pa.int32()), "item": pa.array([1], pa.int32())})
    users = tag(TABLE, ROLES, public=False)
    data = Dataset("d", users, None, {"follows": Relation(edges, social=True, directed=False)}, notes=("one",))
    folder = Folder.at(tmp_path)
    data.write(folder)
    again = Dataset.read(folder)
    assert again.users.equals(users, check_metadata=True)
    assert again.items is None
    assert again.relations["follows"].table.equals(edges)
    assert (again.relations["follows"].social, again.relations["follows"].directed) == (True, False)
    assert (again.name, again.public, again.notes) == ("d", False, ("one",))


def test_the_order_of_relations_is_kept(tmp_path):
    edges = pa.table({"user": pa.array([0], pa.int32()), "item": pa.array([1], pa.int32())})
    names = ["votes", "nays", "follows"]
    Dataset("d", TABLE, None, {name: Relation(edges, social=True) for name in names}).write(Folder.at(tmp_path))
    assert list(Dataset.read(Folder.at(tmp_path)).relations) == names
