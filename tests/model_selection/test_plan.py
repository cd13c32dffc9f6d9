"""Who trains with whom."""

import numpy as np
import pytest
import torch
from sklearn import config_context

from sk_bvae import BetaVAE, CapacityVAE
from sk_bvae.model_selection import _plan
from sk_bvae.model_selection._plan import group_candidates, plan_stacks, stack_size
from sk_bvae.model_selection._trial import Trial
from sk_bvae.nn import Bernoulli

SMALL = {"hidden_layer_sizes": (16,), "batch_size": 32, "device": "cpu"}


def test_scalars_of_the_objective_share_a_group():
    candidates = [{"beta": 1}, {"beta": 4}, {"beta": 16}]
    assert group_candidates(BetaVAE(), candidates) == [[0, 1, 2]]
    candidates = [{"capacity": 1}, {"capacity": 2}, {"capacity_ramp": 0.1}]
    assert group_candidates(CapacityVAE(), candidates) == [[0, 1], [2]]
    candidates = [{"capacity": c, "gamma": g} for c in (1, 2) for g in (10, 100)]
    assert group_candidates(CapacityVAE(), candidates) == [[0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("n_components", [2, 3]),
        ("batch_size", [32, 64]),
        ("solver", ["adam", "rmsprop"]),
        ("hidden_layer_sizes", [(8,), (8, 8)]),
        ("likelihood", [Bernoulli(), "bernoulli"]),
    ],
)
def test_what_makes_other_networks_or_steps_stays_apart(name, values):
    candidates = [{name: value, "beta": beta} for beta in (1, 4) for value in values]
    assert group_candidates(BetaVAE(), candidates) == [[0, 2], [1, 3]]


def test_memory_bounds_a_stack():
    vae = BetaVAE(**SMALL)
    plenty = stack_size(vae, 1000, 20)
    with config_context(working_memory=1):
        few = stack_size(vae, 1000, 20)
        assert stack_size(vae, 100_000, 20) == 1
    with config_context(working_memory=2):
        assert stack_size(vae, 1000, 20) == pytest.approx(2 * few, abs=1)
    assert 1 < few < 20 < plenty


def test_memory_of_a_step_bounds_a_stack():
    """Wide batches fill it long before weights do."""
    vae = BetaVAE(**SMALL)
    trial = Trial(vae, 4096)
    with config_context(working_memory=2**20):
        size = stack_size(vae, 1000, 4096)
    assert size > 1
    assert size * trial.step_bytes(32, 1000) <= _plan.STEP_BYTES


def test_a_large_step_is_taken_alone_on_a_cpu():
    vae = BetaVAE(network="higgins_fc", batch_size=256, device="cpu")
    assert stack_size(vae, 1000, 4096) == 1
    assert stack_size(BetaVAE(**SMALL), 1000, 4096) > 1


@pytest.mark.parametrize(
    "params",
    [
        {"solver": torch.optim.SGD},
        {"net_params": {"callbacks": []}},
        {"net_params": {"compile": True}},
    ],
)
def test_what_acts_on_single_nets_is_fitted_alone(params):
    assert stack_size(BetaVAE(**SMALL, **params), 1000, 20) == 1


class Sparing(BetaVAE):
    """Leaves out what a weight of 0 makes nothing of: a branch on a weight."""

    @staticmethod
    def objective(players, batch, *, beta):
        return BetaVAE.objective(players, batch, beta=beta if beta > 0 else 0.0)


def test_an_objective_that_branches_on_a_weight_is_fitted_alone():
    assert stack_size(Sparing(**SMALL), 1000, 20) == 1


def test_planning_draws_no_global_randomness():
    before = torch.get_rng_state()
    stack_size(BetaVAE(**SMALL), 1000, 20)
    assert torch.equal(torch.get_rng_state(), before)


def test_operations_are_counted():
    vae = BetaVAE(**SMALL, n_components=3, init="random")
    # 20-16-6 and back 3-16-20: a multiplication and an addition for each weight, and
    # for each row, in one forward pass and in a backward pass of twice the work
    weights = 20 * 16 + 16 * 6 + 3 * 16 + 16 * 20
    assert Trial(vae, 20).step_flops(32) == 3 * 32 * 2 * weights
    assert Trial(vae, 20).step_flops(10) == 3 * 10 * 2 * weights


def test_stacks_hold_every_replica_once_in_even_stacks(monkeypatch):
    monkeypatch.setattr(_plan, "stack_size", lambda *args: 4)
    candidates = [{"beta": 1}, {"beta": 4}, {"n_components": 3}]
    estimators = {
        (row, column): BetaVAE(**SMALL) for row in range(3) for column in range(3)
    }
    stacks = plan_stacks(BetaVAE(), candidates, estimators, (100, 20))
    assert sorted(place for stack in stacks for place in stack) == sorted(estimators)
    assert [len(stack) for stack in stacks] == [3, 3, 3]
    assert {row for row, _ in stacks[2]} == {2}


def test_replicas_of_a_candidate_stay_together(monkeypatch):
    monkeypatch.setattr(_plan, "stack_size", lambda *args: 4)
    candidates = [{"beta": beta} for beta in (1, 2, 4)]
    estimators = {
        (row, column): BetaVAE(**SMALL) for row in range(3) for column in range(4)
    }
    stacks = plan_stacks(BetaVAE(), candidates, estimators, (100, 20))
    assert [{row for row, _ in stack} for stack in stacks] == [{0}, {1}, {2}]


def test_what_cannot_be_built_is_left_to_its_fit():
    candidates = [{"hidden_layer_sizes": (-1,)}]
    estimators = {(0, 0): BetaVAE(**candidates[0]), (0, 1): BetaVAE(**candidates[0])}
    stacks = plan_stacks(BetaVAE(), candidates, estimators, (100, 20))
    assert stacks == [[(0, 0)], [(0, 1)]]


def test_arrays_can_be_settings():
    sizes = [np.array([8, 8]), np.array([8, 8]), np.array([8])]
    candidates = [{"hidden_layer_sizes": size} for size in sizes]
    assert group_candidates(BetaVAE(), candidates) == [[0, 1], [2]]
