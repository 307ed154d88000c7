import pytest

from hemicycle.agenda.leads.clusters import clusters
from hemicycle.agenda.leads.options import LeadOptions
from hemicycle.core.errors import InputError


def made(topics, times, **options):
    return clusters(topics, times, LeadOptions(**{"block": 10, "fewest": 8} | options))


def test_labels():
    assert made(4, 45, clusters="topics").labels[:, 7].tolist() == [0, 1, 2, 3]
    blocks = made(4, 45, clusters="blocks")
    assert blocks.labels[2].tolist() == sorted([0, 1, 2, 3] * 10 + [4] * 5)
    assert blocks.number == 5
    assert made(4, 45, clusters="both").others.tolist() == blocks.labels.tolist()
    assert blocks.others is None


@pytest.mark.parametrize(
    ("topics", "times", "name"),
    [
        (8, 80, "topics and blocks of 10 days"),
        (8, 79, "topics"),
        (7, 79, "blocks of 10 days"),
        (1, 80, "blocks of 10 days"),
    ],
)
def test_auto_takes_what_there_is_enough_of(topics, times, name):
    assert made(topics, times).name == name


def test_too_few():
    with pytest.raises(InputError, match="3 topics cannot be clusters"):
        made(3, 100, clusters="topics")
    with pytest.raises(InputError, match="39 days make fewer than 4 blocks of 10 days"):
        made(3, 39)
