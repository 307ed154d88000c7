"""What every recommender that is a torch module must hold beside the recommender contract.

class TestMine(DeepContract):
    config = Mine.Config(dim=8)
"""

import copy
import threading

import numpy as np
import pytest
import torch
from contracts.recommender_contract import RecommenderContract, random_split

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import fit
from hemicycle.training.group import SINGLE


class Team:
    """Workers of one process, one a thread."""

    def __init__(self, size):
        self.parts, self.meeting = [None] * size, threading.Barrier(size)

    def member(self, rank):
        team = self

        class Member:
            world_size, device = len(team.parts), "cpu"

            def all_reduce_sum(self, tensor):
                team.parts[rank] = tensor.clone()
                team.meeting.wait()
                tensor.copy_(sum(team.parts[1:], start=team.parts[0]))
                team.meeting.wait()
                return tensor

        Member.rank = rank
        return Member()


def trained_together(recommender, graph, options, size):
    """Losses and parameters of each of several workers after every epoch."""
    team, found = Team(size), [None] * size

    def work(rank):
        fitting = recommender.start(graph, options, 0, team.member(rank))
        losses = [fitting.epoch(number) for number in range(1, options.epochs + 1)]
        found[rank] = losses, {name: p.detach().numpy() for name, p in fitting.module.named_parameters()}

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


class DeepContract(RecommenderContract):
    """Properties of every recommender that is a torch module."""

    def prepared(self, split):
        """Give a split's graphs what the recommender needs beside the edges."""
        return split

    @pytest.mark.parametrize("size", [2, 3])
    @pytest.mark.parametrize("rivals", ["shared", "batch"])
    def test_several_workers_make_the_steps_of_one(self, recommender, rivals, size):
        model = type(recommender)(self.config.replace(rivals=rivals))
        graph = self.prepared(random_split("bipartite")).train
        options = self.options.replace(epochs=3, batch=60, dtype="float64", negatives=12)
        ((losses, alone),) = trained_together(model, graph, options, 1)
        for others, together in trained_together(model, graph, options, size):
            np.testing.assert_allclose(others, losses, rtol=1e-9)
            for name, values in alone.items():
                np.testing.assert_allclose(together[name], values, rtol=1e-6, atol=1e-9, err_msg=name)

    def test_it_goes_on_bit_by_bit_from_a_state(self, recommender):
        graph = self.prepared(random_split("bipartite")).train
        options = self.options.replace(epochs=4, batch=60)
        whole = recommender.start(graph, options, 0, SINGLE)
        for number in (1, 2):
            whole.epoch(number)
        state, step = copy.deepcopy(whole.state()), whole.step
        losses = [whole.epoch(number) for number in (3, 4)]
        resumed = recommender.start(graph, options, 0, SINGLE)
        resumed.restore(state, step)
        assert [resumed.epoch(number) for number in (3, 4)] == losses
        for name, values in whole.parameters().items():
            np.testing.assert_array_equal(resumed.parameters()[name], values)

    def test_the_generator_that_all_share_is_left_alone(self, recommender):
        before = torch.random.get_rng_state()
        graph = self.prepared(random_split("bipartite")).train
        recommender.start(graph, self.options, 0, SINGLE).epoch(1)
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_it_scores_items_and_users_of_a_larger_graph(self, recommender, fitted):
        split = self.prepared(random_split("bipartite"))
        parameters = fitted(split, epochs=1)
        more = self.prepared(random_split("bipartite", edges=300, seed=4)).train
        assert np.isfinite(recommender.scores(parameters, more)(np.arange(30))).all()

    def test_unknown_layers_and_foreign_tables_are_refused(self, recommender, fitted):
        split = self.prepared(random_split("bipartite"))
        parameters = fitted(split, epochs=1)
        with pytest.raises(InputError, match=r"has no layer 'seven'; it has .*readout"):
            recommender.embed(parameters, split.train, "seven")
        other = self.prepared(random_split("bipartite", n=31)).train
        if any(len(array) == 30 for array in parameters.values()):
            with pytest.raises(InputError, match="do not fit this graph or its features"):
                recommender.embed(parameters, other)

    def test_a_fit_resumed_from_disk_is_the_same(self, recommender, tmp_path):
        class InterruptedFitError(Exception):
            pass

        def report(row):
            if row["epoch"] == 3:
                raise InterruptedFitError

        split, options = self.prepared(random_split("bipartite")), self.options.replace(epochs=4, resume_every=2)
        whole, broken = Folder.at(tmp_path / "whole"), Folder.at(tmp_path / "broken")
        fit(recommender, split, options, 0, whole)
        with pytest.raises(InterruptedFitError):
            fit(recommender, split, options, 0, broken, report=report)
        fit(recommender, split, options, 0, broken)
        expected = Checkpoints(whole).load(4)
        for name, values in Checkpoints(broken).load(4).items():
            np.testing.assert_array_equal(values, expected[name])
