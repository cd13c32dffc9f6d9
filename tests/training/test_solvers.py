"""The package's Adam takes the steps of torch's fused one, to the bit."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_blobs2d
from sk_bvae.training.solvers import Adam, solver_params

N_STEPS = 12


class Pair:
    """A network trained by torch's Adam and its copy by ours, on the same data."""

    def __init__(self, groups=None, **settings):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 3))
        self.nets = [net, copy.deepcopy(net)]
        groups = groups or nn.Module.parameters
        self.optimizers = [
            solver(groups(net), **{"fused": True, **settings})
            for solver, net in zip((torch.optim.Adam, Adam), self.nets, strict=True)
        ]

    def step(self, n_steps=N_STEPS):
        for _ in range(n_steps):
            x = torch.randn(8, 6)
            for net, optimizer in zip(self.nets, self.optimizers, strict=True):
                net.zero_grad()
                net(x).square().sum().backward()
                optimizer.step()
        return self

    def check(self):
        """Check that weights, moments and counters are the same, to the bit."""
        theirs, ours = (net.state_dict() for net in self.nets)
        for name, tensor in theirs.items():
            assert torch.equal(tensor, ours[name]), name
        theirs, ours = (
            optimizer.state_dict()["state"] for optimizer in self.optimizers
        )
        assert theirs.keys() == ours.keys()
        for number, state in theirs.items():
            for name, tensor in state.items():
                assert torch.equal(tensor, ours[number][name]), (number, name)


def two_groups(net):
    first, last = net[0], net[2]
    return [
        {"params": first.parameters(), "lr": 1e-2},
        {"params": last.parameters(), "weight_decay": 0.1},
    ]


def count_own_steps(monkeypatch):
    """Count the steps that are not left to torch's own."""
    calls, step = [], Adam._step_at_once

    def counting(self, *args):
        calls.append(self)
        return step(self, *args)

    monkeypatch.setattr(Adam, "_step_at_once", counting)
    return calls


@pytest.mark.parametrize(
    ("settings", "is_usual"),
    [
        ({}, True),
        ({"lr": 0.03, "betas": (0.5, 0.99), "eps": 1e-4}, True),
        ({"weight_decay": 0.1, "maximize": True, "lr": 1e-4}, True),
        ({"lr": torch.tensor(0.03)}, True),
        ({"amsgrad": True}, False),
        ({"fused": False}, False),
        ({"decoupled_weight_decay": True, "weight_decay": 0.1}, False),
        ({"groups": two_groups}, False),
    ],
)
def test_steps_are_those_of_torch(settings, is_usual, monkeypatch):
    own_steps = count_own_steps(monkeypatch)
    Pair(**settings).step().check()
    assert len(own_steps) == (N_STEPS - 1 if is_usual else 0)


def test_parameters_may_join_and_leave():
    pair = Pair().step()
    for frozen in (True, False):
        for net in pair.nets:
            net[0].requires_grad_(not frozen)
        pair.step().check()
    steps = [int(s["step"]) for s in pair.optimizers[1].state_dict()["state"].values()]
    assert steps == [2 * N_STEPS, 2 * N_STEPS, 3 * N_STEPS, 3 * N_STEPS]


def test_without_gradients_nothing_moves():
    pair = Pair()
    for optimizer in pair.optimizers:
        optimizer.step()
    pair.check()


def test_a_state_goes_from_one_to_the_other():
    pair = Pair().step()
    theirs, ours = (copy.deepcopy(o.state_dict()) for o in pair.optimizers)
    pair.optimizers[0].load_state_dict(ours)
    pair.optimizers[1].load_state_dict(theirs)
    pair.step().check()


def through_a_pickle(pair):
    return pickle.loads(pickle.dumps(pair))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_a_pickle])
def test_a_copy_goes_on_by_itself(duplicate):
    pair = Pair().step()
    twin = duplicate(pair)
    pair.step(3)
    twin.step()
    pair.check()
    twin.check()
    steps = {int(s["step"]) for s in twin.optimizers[1].state_dict()["state"].values()}
    assert steps == {2 * N_STEPS}


def test_unusual_steps_between_usual_ones_are_counted_once():
    pair = Pair().step()
    for amsgrad in (True, False):
        for optimizer in pair.optimizers:
            optimizer.param_groups[0]["amsgrad"] = amsgrad
            for state in optimizer.state.values():
                state.setdefault("max_exp_avg_sq", torch.zeros_like(state["exp_avg"]))
        pair.step()
    pair.check()


def test_a_scaler_of_gradients_is_heard():
    pair = Pair().step()
    before = copy.deepcopy(pair.nets[1].state_dict())
    for net, optimizer in zip(pair.nets, pair.optimizers, strict=True):
        scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
        net.zero_grad()
        scaler.scale(net(torch.full((8, 6), torch.inf)).sum()).backward()
        scaler.step(optimizer)
    pair.check()
    after = pair.nets[1].state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_closures_and_hooks_are_called():
    pair, calls = Pair().step(1), []
    for net, optimizer in zip(pair.nets, pair.optimizers, strict=True):
        optimizer.register_step_post_hook(lambda *args: calls.append("hook"))

        def closure(net=net):
            calls.append("closure")
            net.zero_grad()
            loss = net(torch.ones(2, 6)).sum()
            loss.backward()
            return loss

        expected = net(torch.ones(2, 6)).sum()
        assert optimizer.step(closure) == expected
    assert calls == ["closure", "hook"] * 2
    pair.step(1).check()
    assert calls[4:] == ["hook"] * 2


def test_a_schedule_sets_the_pace():
    pair = Pair(lr=0.1)
    schedules = [
        torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=20)
        for optimizer in pair.optimizers
    ]
    for _ in range(10):
        pair.step(1)
        for schedule in schedules:
            schedule.step()
    pair.check()


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_it_is_what_adam_stands_for_on_a_cpu(device):
    params = solver_params("optimizer", "adam", torch.device(device))
    expected = Adam if device == "cpu" else torch.optim.Adam
    assert params["optimizer"] is expected
    assert params.get("optimizer__fused", False) == (device != "mps")


def test_a_fit_ends_in_the_bits_of_a_fit_by_torch():
    X = make_blobs2d(200, image_size=8).data
    settings = {"max_iter": 3, "random_state": 0, "hidden_layer_sizes": (16,)}
    own = BetaVAE(2, **settings).fit(X)
    fused = {"optimizer__fused": True}
    theirs = BetaVAE(2, solver=torch.optim.Adam, net_params=fused, **settings).fit(X)
    assert type(own.net_.optimizer_) is Adam
    assert type(theirs.net_.optimizer_) is torch.optim.Adam
    np.testing.assert_array_equal(own.loss_curve_, theirs.loss_curve_)
    np.testing.assert_array_equal(own.transform(X), theirs.transform(X))
