"""Human labels of topics: template, reading back, and files of other models."""

from pathlib import Path

import pytest

from hemicycle.agenda.attention.topic_labels import labelled, name_topics, read_labels
from hemicycle.core.errors import InputError

WORDS = [["budget", "taxes", "deficit", "debt"], ["school", "students", "teachers", "exam"]]


def test_a_template_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    assert name_topics(str(path), WORDS).labels == ("", "")
    assert path.read_text(encoding="utf-8").splitlines()[:2] == [
        "topic,words,label,category",
        "1,budget taxes deficit debt,,",
    ]
    before = path.stat().st_mtime_ns
    assert name_topics(str(path), WORDS).categories == ("", "")
    assert path.stat().st_mtime_ns == before
    assert labelled(str(path)) is None


def test_labels_follow_words_not_numbers(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "topic,words,label,category\n"
        "1,school students teachers strike,Éducation,social\n"
        "2,budget taxes debt deficit,Budget,\n",
        encoding="utf-8",
    )
    found = name_topics(str(path), WORDS)
    assert found.labels == ("Budget", "Éducation")
    assert found.categories == ("", "social")
    assert labelled(str(path)) == path


def test_files_of_other_models(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    name_topics(str(path), WORDS)
    with pytest.raises(InputError, match="describes 2 topics, but the model has 1"):
        name_topics(str(path), WORDS[:1])
    with pytest.raises(InputError, match=r"1 of 2 topics \(numbers 2\) have other words"):
        name_topics(str(path), [WORDS[0], ["school", "gun", "law", "court"]])


def test_unreadable_files(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("topic,label\n1,a\n", encoding="utf-8")
    with pytest.raises(InputError, match="columns are missing: words, category"):
        read_labels(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_labels(path)
    with pytest.raises(InputError, match="template of labels cannot be written"):
        name_topics(str(tmp_path / "nowhere" / "labels.csv"), WORDS)


def test_pairs_of_words_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    pairs = [["gilets jaunes", "gilets", "jaunes", "ronds points"], WORDS[1]]
    name_topics(str(path), pairs)
    assert name_topics(str(path), pairs).labels == ("", "")
