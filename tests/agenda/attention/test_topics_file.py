"""The list of topics: what is kept, and what is wrong with it."""

from pathlib import Path

import pytest

from hemicycle.agenda.attention.config import TopicsFile
from hemicycle.agenda.attention.topics_file import TopicList, read_topics
from hemicycle.core.errors import InputError

TEXT = "id,name,kind\n2,Guns,political\n1,Football,sport\n3, ,political\n"


def read(tmp_path: Path, text: str = TEXT, **keys: object) -> TopicList:
    path = tmp_path / "topics.csv"
    path.write_text(text, encoding="utf-8")
    return read_topics(TopicsFile.model_validate({"file": str(path), "id": "id", **keys}))


def test_all_or_some_are_kept(tmp_path: Path) -> None:
    assert read(tmp_path).kept == ["2", "1", "3"]
    assert read(tmp_path, keep={"kind": "political"}).kept == ["2", "3"]
    assert read(tmp_path, keep={"kind": ["sport", "political"], "name": "Guns"}).kept == ["2"]


def test_labels_may_be_empty(tmp_path: Path) -> None:
    found = read(tmp_path, label="name")
    assert found.labels == {"2": "Guns", "1": "Football", "3": ""}
    assert found.categories == {}


def test_problems(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no value of 'kind' 'politcal'; did you mean 'political'"):
        read(tmp_path, keep={"kind": "politcal"})
    with pytest.raises(InputError, match="'2' stands twice"):
        read(tmp_path, TEXT + "2,Again,sport\n")
    with pytest.raises(InputError, match="a topic has no id"):
        read(tmp_path, TEXT + ",None,sport\n")
    with pytest.raises(InputError, match="the file has no row"):
        read(tmp_path, "id,name,kind\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path, label="label", keep={"sort": "x"})
    assert len(caught.value.problems) == 2
