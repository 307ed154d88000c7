"""Reading attention tables of several shapes, and everything that may be wrong with them."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.attention.config import AttentionConfig
from hemicycle.agenda.attention.files import attention_paths, read_attention
from hemicycle.core.config import load
from hemicycle.core.errors import InputError

WIDE = """topic,date,Left,Right
1,2013-01-01,0.5,0.25
2,2013-01-01,0.5,0.75
1,2013-01-02,0.125,0
2,2013-01-02,0.875,0
"""
LONG = """issue;when;who;posts
climate;2020-01-06;media;3
strikes;2020-01-06;media;1
climate;2020-01-06;parties;2
strikes;2020-01-07;parties;4
strikes;2020-01-08;media;5
strikes;2020-01-08;media;5
climate;2020-01-08;parties;1
"""
LONG_KEYS = {
    "form": "long",
    "values": "counts",
    "separator": ";",
    "columns": {"time": "when", "topic": "issue", "group": "who", "value": "posts"},
}


def read(tmp_path: Path, text: str, name: str = "attention.csv", **keys: object) -> Attention:
    path = tmp_path / name
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return read_attention(AttentionConfig.model_validate({"file": str(path), **keys}))[0]


def refused(tmp_path: Path, text: str, **keys: object) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, **keys)
    return str(caught.value)


# -- shapes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["attention.csv", "attention.csv.gz"])
def test_wide(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, WIDE, name)
    assert (found.topics, found.groups, found.unit) == (("1", "2"), ("Left", "Right"), 0.001)
    assert found.times.tolist() == pd.to_datetime(["2013-01-01", "2013-01-02"]).to_pydatetime().tolist()
    assert found.shares[:, :, 0].tolist() == [[0.5, 0.125], [0.5, 0.875]]
    assert found.shares[:, 0, 1].tolist() == [0.25, 0.75]
    assert np.isnan(found.shares[:, 1, 1]).all(), "a time without any attention is missing"


def test_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"topic": [1, 2], "date": pd.to_datetime(["2013-01-01"] * 2), "Left": [0.25, 0.75]},
    )
    frame.to_parquet(tmp_path / "attention.parquet")
    found, tables = read_attention(AttentionConfig(file=str(tmp_path / "attention.parquet")))
    assert found.shares.ravel().tolist() == [0.25, 0.75]
    assert tables == {}


def test_long_counts_of_another_shape(tmp_path: Path) -> None:
    """A group is missing on a day; rows of one cell are added; a topic without a row has no attention."""
    found = read(tmp_path, LONG, **LONG_KEYS)
    assert (found.topics, found.groups) == (("climate", "strikes"), ("media", "parties"))
    expected = [[0.75, np.nan, 0], [0.25, np.nan, 1]], [[1, 0, 1], [0, 1, 0]]
    assert np.array_equal(np.moveaxis(found.shares, -1, 0), np.array(expected), equal_nan=True)


def test_a_second_table_takes_fewer_than_20_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "posts.csv").write_text(LONG, encoding="utf-8")
    monkeypatch.setenv("HEMICYCLE_DATA", str(tmp_path))
    text = """file: posts.csv
form: long
values: counts
separator: ";"
columns: {time: when, topic: issue, group: who, value: posts}
groups: {parties: Parties, media: Press}
step: day
gaps: missing
"""
    assert len(text.splitlines()) < 20
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    found = read_attention(load(AttentionConfig, tmp_path / "config.yaml"))[0]
    assert found.groups == ("Parties", "Press")
    assert np.isnan(found.shares[:, 1, 1]).all()


def test_long_shares(tmp_path: Path) -> None:
    text = "date,topic,group,share\n2013-01-01,a,x,.3\n2013-01-01,b,x,.7\n2013-01-02,a,x,1\n"
    found = read(tmp_path, text, form="long")
    assert np.array_equal(found.shares[..., 0], np.array([[0.3, 1], [0.7, np.nan]]), equal_nan=True)
    assert found.unit == 0.1
    zeros = read(tmp_path, text, form="long", absent="zero")
    assert zeros.shares[1, 1, 0] == 0


def test_groups_are_chosen_ordered_and_renamed(tmp_path: Path) -> None:
    assert read(tmp_path, WIDE, groups=["Right", "Left"]).groups == ("Right", "Left")
    renamed = read(tmp_path, WIDE, groups={"Right": "Tories"})
    assert renamed.groups == ("Tories",)
    assert renamed.shares[0, 0, 0] == 0.25


def test_groups_of_one_name_are_added(tmp_path: Path) -> None:
    found = read(tmp_path, LONG, **LONG_KEYS, groups={"media": "all", "parties": "all"})
    assert found.groups == ("all",)
    assert found.shares[0, :, 0] == pytest.approx([5 / 6, 0, 1 / 11])


def test_period(tmp_path: Path) -> None:
    assert len(read(tmp_path, WIDE, last="2013-01-01").times) == 1
    assert "goes from 2013-01-01T00:00:00 to 2013-01-02T00:00:00" in refused(tmp_path, WIDE, first="2014-01-01")


def test_topics_are_merged_and_chosen(tmp_path: Path) -> None:
    text = WIDE.replace("2,2013-01-02,0.875,0", "2,2013-01-02,0.5,0\n3,2013-01-01,0,0\n3,2013-01-02,0.375,1")
    found = read(tmp_path, text, merge={"101": ["1", "3"]})
    assert found.topics == ("2", "101")
    assert found.shares[1, :, 0].tolist() == [0.5, 0.5]
    both = read(tmp_path, text, merge={"101": ["1", "3"]}, topics=["101", "3"])
    assert both.topics == ("101", "3")
    assert both.shares[:, 1, 0].tolist() == [0.5, 0.375]
    assert read(tmp_path, text, topics=["3", "1"]).topics == ("3", "1")
    assert "no topic '9'" in refused(tmp_path, text, merge={"101": ["1", "9"]})
    assert "stand twice in merge: 1" in refused(tmp_path, text, merge={"101": ["1"], "102": ["1"]})
    assert "no topic 'x'" in refused(tmp_path, text, topics=["x"])


def test_ids_and_dates_of_yaml_need_no_quotes(tmp_path: Path) -> None:
    (tmp_path / "attention.csv").write_text(WIDE, encoding="utf-8")
    lines = [
        f"file: {tmp_path / 'attention.csv'}",
        "topics: [2, 101]",
        "merge: {101: [1]}",
        "first: 2013-01-01",
        "last: 2013-01-01",
    ]
    (tmp_path / "config.yaml").write_text("\n".join(lines), encoding="utf-8")
    found = read_attention(load(AttentionConfig, tmp_path / "config.yaml"))[0]
    assert found.topics == ("2", "101")
    assert len(found.times) == 1


# -- the list of topics ------------------------------------------------------------------------------------------------

TOPICS = "id,name,area,kind\n2,Guns,Law,political\n1,Football,Sport,other\n101,Merged,Law,political\n"


def listed(tmp_path: Path, **more: object) -> dict[str, object]:
    path = tmp_path / "topics.csv"
    path.write_text(TOPICS, encoding="utf-8")
    return {"topics_file": {"file": str(path), "id": "id", "label": "name", "category": "area", **more}}


def test_topics_file_names_and_selects(tmp_path: Path) -> None:
    found = read(tmp_path, WIDE, **listed(tmp_path, keep={"kind": "political"}))
    assert (found.topics, found.labels, found.categories) == (("2",), ("Guns",), ("Law",))


def test_topics_file_may_name_alone(tmp_path: Path) -> None:
    found = read(tmp_path, WIDE + "7,2013-01-01,0,0\n7,2013-01-02,0,1\n", **listed(tmp_path, only=False))
    assert found.topics == ("1", "2", "7")
    assert found.labels == ("Football", "Guns", "")
    assert found.names == ("Football", "Guns", "7")


def test_topics_file_names_merged_topics(tmp_path: Path) -> None:
    assert read(tmp_path, WIDE, merge={"101": ["1", "2"]}, **listed(tmp_path)).labels == ("Merged",)


def test_a_topics_file_of_other_ids(tmp_path: Path) -> None:
    text = refused(tmp_path, WIDE.replace("\n1,", "\na,").replace("\n2,", "\nb,"), **listed(tmp_path))
    assert "none of the 3 topics (2, 1, 101 ...)" in text
    assert "correct topics_file.id" in text


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_a_gap_is_named_or_missing(tmp_path: Path) -> None:
    text = WIDE + "1,2013-01-06,1,0\n2,2013-01-06,0,1\n"
    message = refused(tmp_path, text)
    assert "3 of 6 days have no row: 2013-01-03 to 2013-01-05" in message
    assert "gaps: missing" in message
    found = read(tmp_path, text, gaps="missing")
    assert len(found.times) == 6
    assert np.isnan(found.shares[:, 2:5]).all()


def test_dates_that_cannot_be_read(tmp_path: Path) -> None:
    message = refused(tmp_path, WIDE.replace("1,2013-01-02", "1,2nd of January").replace("2,2013-01-02", "2,"))
    assert "1 values are no dates" in message
    assert "attention.csv:4 column 'date'" in message
    assert "1 values are empty" in message
    assert "2nd" not in message


def test_dates_written_otherwise(tmp_path: Path) -> None:
    compact = WIDE.replace("2013-01-0", "2013010")
    assert "columns.time_format: '%Y%m%d'" in refused(tmp_path, compact)
    found = read(tmp_path, compact, columns={"time_format": "%Y%m%d"})
    assert found.times[1] == np.datetime64("2013-01-02")
    assert "are no dates" in refused(tmp_path, WIDE, columns={"time_format": "%d.%m.%Y"})


def test_shares_outside_the_unit_interval(tmp_path: Path) -> None:
    message = refused(tmp_path, WIDE.replace("0.125", "12.5").replace("0.875", "-1").replace("0.75", "some"))
    assert "1 values are too large" in message
    assert "divide percentages by 100" in message
    assert "1 values are negative" in message
    assert "1 values are not numbers" in message
    assert "12.5" not in message


def test_shares_that_add_up_to_more_than_one(tmp_path: Path) -> None:
    message = refused(tmp_path, WIDE.replace("1,2013-01-01,0.5", "1,2013-01-01,0.625"))
    assert "the shares of 'Left' add up to more than 1 at 1 times (up to 1.12; first: 2013-01-01)" in message
    rounded = "topic,date,a\n" + "".join(f"{row},2013-01-01,.34\n" for row in range(3))
    assert read(tmp_path, rounded).unit == 0.01


def test_counts_of_one_cell_are_added_unless_one_is_empty_and_a_share_has_one_row(tmp_path: Path) -> None:
    text = WIDE.replace("1,2013-01-01,0.5,0.25", "1,2013-01-01,0.25,0.125\n1,2013-01-01,0.25,0.125")
    once, added = (read(tmp_path, table, values="counts").shares for table in (WIDE, text))
    np.testing.assert_array_equal(added, once)
    assert "2 cells (time, topic, group) have several rows of shares" in refused(tmp_path, text)
    assert "1 cells (time, topic, group) have one row" in refused(tmp_path, text.replace("0.25,0.125", "0.25,", 1))


def test_empty_cells_are_missing(tmp_path: Path) -> None:
    assert np.isnan(read(tmp_path, WIDE.replace("0.125,0", ",0")).shares[0, 1, 0])


def test_topics_and_groups_without_attention(tmp_path: Path) -> None:
    text = WIDE + "3,2013-01-01,0,0\n3,2013-01-02,0,0\n"
    assert "no group ever attends to '3'" in refused(tmp_path, text)
    assert read(tmp_path, text, unattended="drop").topics == ("1", "2")
    nobody = WIDE.replace("0.25", "0").replace("0.75", "0")
    assert "these groups attend to no topic: Right" in refused(tmp_path, nobody)
    assert "no group attends to any topic" in refused(tmp_path, text, topics=["3"], unattended="drop")


def test_missing_columns_and_groups(tmp_path: Path) -> None:
    message = refused(tmp_path, WIDE, columns={"time": "when", "topic": "topics"})
    assert "no column 'when' (columns.time); it has: topic, date, Left, Right" in message
    assert "did you mean 'topic'?" in message
    assert "no group 'Lefft'; did you mean 'Left'?" in refused(tmp_path, WIDE, groups=["Lefft"])
    assert "no group 'press'" in refused(tmp_path, LONG, **LONG_KEYS, groups=["press"])
    assert "there is no group" in refused(tmp_path, "topic,date\n1,2013-01-01\n")
    assert "stands twice" in refused(tmp_path, WIDE.replace("Left,Right", "Left,Left"))


def test_long_table_with_empty_names(tmp_path: Path) -> None:
    message = refused(tmp_path, LONG.replace("climate;2020-01-06;media", ";2020-01-06;", 1), **LONG_KEYS)
    assert message.count("1 values are empty where a name is needed") == 2


@pytest.mark.parametrize(("text", "message"), [("", "the file is empty"), ("topic,date,a\n", "the file has no row")])
def test_empty_files(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path, text)


def test_missing_files_are_told_together(tmp_path: Path) -> None:
    config = AttentionConfig.model_validate({"file": "nowhere.csv", "topics_file": {"file": "neither.csv"}})
    with pytest.raises(InputError) as caught:
        attention_paths(config)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"columns": {"value": "posts"}}, "belongs to a long table"),
        ({"form": "texts", "values": "counts"}, "texts have neither shares nor counts"),
        ({"groups": {"a": "x", "b": "x"}}, "cannot be added"),
    ],
)
def test_configurations_that_contradict_themselves(keys: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AttentionConfig.model_validate({"file": "a.csv", **keys})


@pytest.mark.data
def test_published_data() -> None:
    folder = "agenda_us_2013_2014"
    topics = {"id": "our_", "label": "our_topic_label", "category": "our_issue_area"}
    keys = {"file": f"{folder}/attention.csv.gz", "topics_file": {"file": f"{folder}/policy_topics.csv", **topics}}
    found = read_attention(AttentionConfig.model_validate(keys))[0]
    assert (found.shares.shape, found.unit) == ((53, 730, 7), 0.001)
    missing = np.isnan(found.shares)
    assert missing.sum(axis=(0, 1)).tolist() == [0, 0, 53, 0, 53, 53, 0]
    assert missing[:, -1].sum() == missing.sum(), "three groups have no attention on the last day"
