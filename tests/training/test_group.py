import pytest
import torch

from hemicycle.core.errors import InputError
from hemicycle.training.group import SINGLE, Group


def test_columns_are_dealt_out_in_blocks():
    assert [Group(rank, 3).columns(6).tolist() for rank in range(3)] == [[0, 1], [2, 3], [4, 5]]


def test_columns_that_cannot_be_dealt_out_are_refused():
    with pytest.raises(InputError, match="7 dimensions cannot be dealt out evenly to 2 workers"):
        Group(0, 2).columns(7)


def test_a_single_worker_has_everything():
    x = torch.arange(6.0).reshape(2, 3)
    assert SINGLE.all_reduce_sum(x) is x
    assert SINGLE.gather_columns(x) is x
    assert SINGLE.from_first([1.5]) == [1.5]
    SINGLE.barrier()
    assert SINGLE.bytes_sent == 0
    assert Group().sent is not SINGLE.sent
