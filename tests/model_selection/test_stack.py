"""Stacked nets are the nets that lone fits give."""

import numpy as np
import pytest
import torch
from torch import nn

from sk_bvae import BetaVAE, CapacityVAE
from sk_bvae.datasets import make_blobs2d
from sk_bvae.model_selection._fit import prepare
from sk_bvae.model_selection._stack import Stack
from sk_bvae.nn._rows import Rows, draw_pass

CPU = torch.device("cpu")

pytestmark = pytest.mark.filterwarnings("ignore:No latent")  # a few steps make none


class Gate(nn.Module):
    """Multiplies what it gets by what it makes of it."""

    def __init__(self, width):
        super().__init__()
        self.gate = nn.Linear(width, width)

    def forward(self, x):
        return x * self.gate(x).sigmoid()


def gated(n_features, n_components):
    encoder = nn.Sequential(
        # no bias: what follows takes it out, and its gradient would be rounding noise
        nn.Linear(n_features, 24, bias=False),
        nn.BatchNorm1d(24),
        Gate(24),
        nn.LayerNorm(24),
    )
    encoder.append(nn.Linear(24, 2 * n_components))
    decoder = nn.Sequential(nn.Linear(n_components, 24), nn.SiLU(), Gate(24))
    decoder.append(nn.Linear(24, n_features))
    return encoder, decoder


NETWORKS = {
    "mlp": {"hidden_layer_sizes": (32,)},
    "burgess_conv": {"network": "burgess_conv"},
    "custom": {"network": gated},
}
SCALARS = {
    BetaVAE: [{"beta": 0.5}, {"beta": 4.0}, {"beta": 4.0}],
    CapacityVAE: [
        {"capacity": 2, "gamma": 10.0},
        {"capacity": 8, "gamma": 100.0},
        {"capacity": 8, "gamma": 100.0},
    ],
}


@pytest.fixture(scope="module")
def images():
    """640 grey images of 16 x 16 pixels."""
    return make_blobs2d(640, image_size=16, std=0.15, random_state=0).data


def make_estimators(Estimator, network, **params):
    return [
        Estimator(
            n_components=4,
            likelihood="bernoulli",
            batch_size=32,
            random_state=seed,
            **NETWORKS[network],
            **scalars,
            **params,
        )
        for seed, scalars in enumerate(SCALARS[Estimator])
    ]


def prepare_stack(estimators, X):
    nets = [prepare(estimator, X) for estimator in estimators]
    return Stack(estimators, nets), nets


def relative_differences(net, other):
    for name, tensor in net.vae_.state_dict().items():
        own, their = tensor.double(), other.vae_.state_dict()[name].double()
        yield name, float((own - their).norm() / their.norm().clamp(min=1e-3))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("Estimator", SCALARS)
def test_weights_after_20_steps(images, Estimator, network):
    estimators = make_estimators(Estimator, network, max_iter=1)
    stack, nets = prepare_stack(estimators, images)
    stack.train_epoch(Rows(images, CPU))
    stack.unstack()
    for estimator, net in zip(estimators, nets, strict=True):
        lone = estimator.fit(images).net_
        lone.vae_.order.copy_(net.vae_.order)  # sorted after the training
        for name, difference in relative_differences(net, lone):
            assert difference < 1e-3, name


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("Estimator", SCALARS)
def test_weights_after_20_steps_in_float64(images, Estimator, network):
    estimators = make_estimators(Estimator, network, max_iter=1)
    nets, lone_nets = (
        [prepare(estimator, images) for estimator in estimators] for _ in range(2)
    )
    for net in nets + lone_nets:
        net.vae_.double()
    stack = Stack(estimators, nets)
    passes = [draw_pass(net.generator_, len(images), 4) for net in nets]
    X = torch.from_numpy(images).double()
    for step in range(20):
        some = slice(32 * step, 32 * step + 32)
        batches = [(X[order[some]], noise[some].double()) for order, noise in passes]
        stack.step(*(torch.stack(tensors) for tensors in zip(*batches, strict=True)))
        for net, batch in zip(lone_nets, batches, strict=True):
            net.train_step(batch)
        for progress in [stack.progress, *(net.progress_ for net in lone_nets)]:
            progress.epochs = (step + 1) / 20
    stack.unstack()
    for net, lone in zip(nets, lone_nets, strict=True):
        for name, difference in relative_differences(net, lone):
            assert difference < 1e-8, name


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("Estimator", SCALARS)
def test_loss_curves_of_three_epochs(images, Estimator, network):
    estimators = make_estimators(Estimator, network, max_iter=3)
    stack, nets = prepare_stack(estimators, images[:600])  # a last batch of 24
    for _ in range(3):
        stack.train_epoch(Rows(images[:600], CPU))
    for estimator, net in zip(estimators, nets, strict=True):
        lone = estimator.fit(images[:600])
        losses = [epoch["train_loss"] for epoch in net.history]
        np.testing.assert_allclose(losses, lone.loss_curve_, rtol=0.01)
        kl = [epoch["train_kl"][lone.net_.vae_.order] for epoch in net.history]
        np.testing.assert_allclose(kl, lone.history_["kl"], rtol=0.01, atol=1e-3)


def test_the_members_differ(images):
    """Else the comparisons above would compare one model with itself."""
    stack, nets = prepare_stack(make_estimators(BetaVAE, "mlp"), images)
    stack.train_epoch(Rows(images, CPU))
    losses = [net.history[-1, "train_loss"] for net in nets]
    assert np.ptp(losses) > 0.1
    stack.unstack()
    assert dict(relative_differences(nets[1], nets[2]))["encoder.0.weight"] > 0.1


@pytest.mark.parametrize("solver", ["adam", "adagrad", "adamw", "rmsprop"])
def test_a_net_goes_on_alone_where_the_stack_left_it(images, solver):
    estimators = make_estimators(BetaVAE, "mlp", max_iter=4, solver=solver)
    stack, nets = prepare_stack(estimators, images)
    rows = Rows(images, CPU)
    for _ in range(2):
        stack.train_epoch(rows)
    stack.unstack()
    for estimator, net in zip(estimators, nets, strict=True):
        net.initialize_callbacks()
        net.partial_fit(rows, epochs=2)
        lone = estimator.fit(images)
        losses = [epoch["train_loss"] for epoch in net.history]
        np.testing.assert_allclose(losses, lone.loss_curve_, rtol=1e-3)


def test_options_of_the_optimizer_reach_the_stack(images):
    options = {
        "optimizer__weight_decay": 0.1,
        "optimizer__param_groups": [("decoder.*", {"lr": 0.0})],
    }
    estimators = make_estimators(BetaVAE, "mlp", max_iter=1, net_params=options)
    stack, nets = prepare_stack(estimators, images)
    stack.train_epoch(Rows(images, CPU))
    stack.unstack()
    for estimator, net in zip(estimators, nets, strict=True):
        lone = estimator.fit(images).net_
        lone.vae_.order.copy_(net.vae_.order)
        assert max(dict(relative_differences(net, lone)).values()) < 1e-3


def test_a_loss_that_is_not_finite_leaves_the_others_alone(images):
    estimators = make_estimators(BetaVAE, "mlp", max_iter=2)
    stack, nets = prepare_stack(estimators, images)
    stack.parameters["encoder.0.weight"].data[1] = torch.nan
    for _ in range(2):
        stack.train_epoch(Rows(images, CPU))
    assert list(stack.failures) == [nets[1]]
    assert stack.failures[nets[1]].epoch == 1
    lone = estimators[0].fit(images)
    losses = [epoch["train_loss"] for epoch in nets[0].history]
    np.testing.assert_allclose(losses, lone.loss_curve_, rtol=1e-4)
