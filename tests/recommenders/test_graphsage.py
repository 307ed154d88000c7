from contracts.deep_contract import DeepContract

from hemicycle.recommenders.graphsage import GraphSAGEConfig


class TestGraphSAGE(DeepContract):
    config = GraphSAGEConfig(dim=8, fanout=5)
