"""The lone training loop takes the steps that skorch's own would take."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, GradientNormClipping, Unfreezer

from sk_bvae import BetaVAE, FactorVAE
from sk_bvae.nn import mlp

SMALL = {"init": "random", "hidden_layer_sizes": (8,), "early_stopping": False}


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)


def fit(X, Estimator=BetaVAE, *callbacks, **params):
    params = {**SMALL, "max_iter": 3, "batch_size": 16, "random_state": 0, **params}
    return Estimator(2, net_params={"callbacks": [*callbacks]}, **params).fit(X)


def weights(module):
    return torch.nn.utils.parameters_to_vector(module.parameters()).detach()


@pytest.mark.filterwarnings("ignore:No latent")
def test_an_optimizer_that_asks_for_a_closure_gets_one(X):
    calls = []

    class Counting(Callback):
        def on_grad_computed(self, net, **kwargs):
            calls.append(net.history[-1, "epoch"])

    solver = torch.optim.LBFGS
    vae = fit(X, BetaVAE, Counting(), solver=solver, learning_rate_init=0.1)
    assert vae.loss_curve_[-1] < vae.loss_curve_[0]
    n_steps = 3 * 4
    assert len(calls) > 2 * n_steps  # LBFGS looks several times before it steps


@pytest.mark.filterwarnings("ignore:No latent")
@pytest.mark.parametrize("Estimator", [BetaVAE, FactorVAE])
def test_steps_take_the_gradients_that_callbacks_leave(Estimator, X):
    n_steps, bound, ended = 4, 1e-3, {}
    for max_norm in (0.0, bound):
        clipping = GradientNormClipping(max_norm)
        solver = {"solver": torch.optim.SGD, "learning_rate_init": 1.0}
        vae = fit(X, Estimator, clipping, max_iter=1, **solver)
        ended[max_norm] = weights(vae.net_.module_["vae"])
    moved = (ended[bound] - ended[0.0]).norm()
    assert 0 < moved <= n_steps * bound * 1.01


def half_frozen(n_features, n_components):
    encoder, decoder = mlp(
        n_features, n_components, hidden_layer_sizes=(8,), activation="relu"
    )
    encoder.requires_grad_(False)
    return encoder, decoder


@pytest.mark.filterwarnings("ignore:No latent")
@pytest.mark.parametrize("network", ["mlp", half_frozen])
def test_gradients_do_not_add_up_over_the_steps(network, X):
    """Nor those of what a callback has unfrozen along the way."""
    norms = []

    class Watching(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            encoder = net.module_["vae"].encoder.parameters()
            if net.history[-1, "epoch"] > 1:
                norms.append(sum(float(p.grad.norm()) for p in encoder))

    # nothing moves, and every batch is the whole: the gradient is as long at each step
    still = {"solver": torch.optim.SGD, "learning_rate_init": 1e-12, "max_iter": 6}
    unfreezer = Unfreezer("vae.encoder.*", at=2)
    fit(X, BetaVAE, Watching(), unfreezer, network=network, batch_size=64, **still)
    assert len(norms) == 5
    assert max(norms) < 1.5 * min(norms)


def test_callbacks_hear_of_batches_as_skorchs_do(X):
    heard = []

    class Listening(Callback):
        def on_batch_begin(self, net, batch=None, training=False, **kwargs):
            heard.append(("begin", training, batch.x.shape[1]))

        def on_batch_end(self, net, batch=None, training=False, **kwargs):
            assert kwargs["loss"].ndim == 0
            heard.append(("end", training, batch.x.shape[1]))

        def on_train_end(self, net, X=None, y=None, **kwargs):
            heard.append(("train", len(X)))

    fit(X, BetaVAE, Listening(), max_iter=1, batch_size=40, early_stopping=True)
    n_train = heard.pop()[1]
    batches = [(True, 40), (True, n_train - 40), (False, len(X) - n_train)]
    assert heard == [(event, *batch) for batch in batches for event in ("begin", "end")]


def test_the_history_keeps_no_batches_of_past_epochs(X):
    history = fit(X, early_stopping=True, max_iter=4).net_.history
    assert [len(epoch["batches"]) for epoch in history[:-1]] == [0, 0, 0]


def test_an_epoch_that_is_as_good_as_the_best_is_not_better(X):
    net = fit(X, max_iter=1).net_
    means = {name: term[-1] for name, term in net.curves_.terms.items()}
    for change, is_best in ((-1.0, True), (-1.0, False), (-2.0, True)):
        net.history.new_epoch()
        net.record_epoch("train", {**means, "loss": means["loss"] + change})
        assert net.history[-1, "train_loss_best"] is is_best
