"""Freed memory is used again."""

import resource
import sys

import pytest
import torch

from hemicycle.training.allocator import give_back_memory, keep_freed_memory


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted as Linux does")
def test_large_temporaries_do_not_fault_again():
    if not keep_freed_memory():
        pytest.skip("the C library is not glibc")
    x, before = torch.ones(20_000_000), 0
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        del_me = x * 2
        del del_me
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 100
    give_back_memory()
