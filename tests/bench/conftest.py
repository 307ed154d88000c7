"""A small workload for all tests of the benchmarks."""

import pytest

from hemicycle.bench.workloads import workload


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The smallest workload, written once."""
    return workload("small", tmp_path_factory.mktemp("data"))
