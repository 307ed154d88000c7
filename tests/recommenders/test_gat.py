import pytest
from contracts.deep_contract import DeepContract

from hemicycle.recommenders.gat import GATConfig


class TestGAT(DeepContract):
    config = GATConfig(dim=8)


class TestTheFirstGAT(DeepContract):
    config = GATConfig(dim=8, heads=2, dynamic=False)


def test_heads_share_the_dimensions():
    with pytest.raises(ValueError, match="dim 10 cannot be dealt out to 4 heads"):
        GATConfig(dim=10)
