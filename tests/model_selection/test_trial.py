"""What can be trained as one, and what a stack would spoil."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from sk_bvae import BetaVAE
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.model_selection._trial import Trial

SMALL = {"n_components": 2, "batch_size": 32, "device": "cpu", "max_iter": 3}


@pytest.fixture(scope="module")
def digits(digits):
    return digits[:200]


class BranchInTraining(nn.Module):
    """Looks at values in training mode only."""

    def forward(self, x):
        return x + 1 if self.training and x.sum() > 0 else x


class Assigned(nn.Module):
    """Keeps an average, by assignment."""

    def __init__(self):
        super().__init__()
        self.register_buffer("running", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.running = 0.9 * self.running + 0.1 * x.detach().mean()
        return x + self.running


class Unsaved(nn.Module):
    """Keeps an average in place, out of the saved state."""

    def __init__(self):
        super().__init__()
        self.register_buffer("running", torch.zeros(()), persistent=False)

    def forward(self, x):
        if self.training:
            self.running.mul_(0.9).add_(0.1 * x.detach().mean())
        return x + self.running


class Attribute(nn.Module):
    """Keeps an average that torch knows nothing of."""

    def __init__(self):
        super().__init__()
        self.running = torch.zeros(())

    def forward(self, x):
        if self.training:
            self.running = 0.9 * self.running + 0.1 * x.detach().mean()
        return x


class Counter(nn.Module):
    """Counts its calls in a list."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def forward(self, x):
        self.calls.append(len(x))
        return x


def with_layer(layer, n_features, n_components):
    encoder = nn.Sequential(nn.Linear(n_features, 16), layer, nn.Tanh())
    encoder.append(nn.Linear(16, 2 * n_components))
    return encoder, nn.Linear(n_components, n_features)


def spectral(n_features, n_components):
    encoder, decoder = with_layer(nn.Identity(), n_features, n_components)
    spectral_norm(encoder[0])
    return encoder, decoder


def branch_in_training(n_features, n_components):
    return with_layer(BranchInTraining(), n_features, n_components)


def assigned(n_features, n_components):
    return with_layer(Assigned(), n_features, n_components)


def unsaved(n_features, n_components):
    return with_layer(Unsaved(), n_features, n_components)


def attribute(n_features, n_components):
    return with_layer(Attribute(), n_features, n_components)


def counter(n_features, n_components):
    return with_layer(Counter(), n_features, n_components)


def tied(n_features, n_components):
    encoder, decoder = with_layer(nn.Identity(), n_features, n_components)
    decoder = nn.Sequential(nn.Linear(n_components, n_features), nn.Tanh())
    decoder.append(nn.Linear(n_features, n_features))
    decoder[2].weight = nn.Parameter(torch.eye(n_features))
    decoder.append(nn.Linear(n_features, n_features))
    decoder[3].weight = decoder[2].weight
    return encoder, decoder


def batch_norm(n_features, n_components):
    return with_layer(nn.BatchNorm1d(16), n_features, n_components)


def dropout_and_batch_norm(n_features, n_components):
    layers = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(16))
    return with_layer(layers, n_features, n_components)


ONE_BY_ONE = [
    spectral,
    branch_in_training,
    assigned,
    unsaved,
    attribute,
    counter,
    tied,
]


@pytest.mark.parametrize("network", ONE_BY_ONE)
def test_what_a_stack_would_spoil_is_fitted_one_by_one(network):
    assert not Trial(BetaVAE(**SMALL, network=network), 20).can_stack()


@pytest.mark.parametrize("network", ["mlp", batch_norm, dropout_and_batch_norm])
def test_what_a_stack_keeps_is_stacked(network):
    before = torch.get_rng_state()
    assert Trial(BetaVAE(**SMALL, network=network), 20).can_stack()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("network", ONE_BY_ONE)
def test_replicas_are_lone_fits_whatever_the_network(digits, network):
    vae = BetaVAE(**SMALL, beta=0.1, network=network)
    search = ReplicaGridSearch(
        vae,
        {},
        n_replicas=2,
        scoring=lambda estimator, X, y: 0.0,
        random_state=0,
        return_estimators=True,
    ).fit(digits)
    for replica in search.estimators_[0]:
        lone = BetaVAE(**replica.get_params()).fit(digits)
        theirs = lone.net_.module_.state_dict()
        for name, tensor in replica.net_.module_.state_dict().items():
            np.testing.assert_allclose(
                tensor, theirs[name], rtol=1e-3, atol=1e-4, err_msg=name
            )
        np.testing.assert_allclose(
            replica.transform(digits), lone.transform(digits), rtol=1e-3, atol=1e-4
        )
