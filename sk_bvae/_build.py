"""From an estimator's parameters to a net."""

from copy import deepcopy

import torch

from sk_bvae._net import VAENet, solver_params
from sk_bvae.nn import VAE, Bernoulli, Gaussian, Likelihood
from sk_bvae.nn._networks import build_networks
from sk_bvae.nn._random import DrawsFrom

# What an estimator sets by parameters of its own.
OWN_PARAMETERS = {
    "module": "network",
    "criterion": "beta or capacity",
    "optimizer": "solver",
    "lr": "learning_rate_init",
    "max_epochs": "max_iter",
    "batch_size": "batch_size",
    "train_split": "validation_fraction",
    "warm_start": "warm_start",
    "verbose": "verbose",
    "device": "device",
    "seed": "random_state",
}


def build_net(recipe, criterion, device):
    """Build and initialise a net, with nothing learned yet.

    Parameters
    ----------
    recipe : dict
        Plain values that say it all: "params" of the estimator, "n_features" of the
        data, and "seeds" for the initial weights, the training, and the scoring.

    criterion : callable
        Maps terms and progress to the loss.

    device : torch.device
        Where to compute.

    Returns
    -------
    net : VAENet
        Ready for training, but for what the likelihood takes from the data. Its
        ``recipe_`` is the recipe.
    """
    params = recipe["params"]
    init_seed, training_seed, _ = recipe["seeds"]
    with DrawsFrom(torch.Generator().manual_seed(init_seed)):
        vae = build_vae(params, recipe["n_features"])
    net = VAENet(
        vae,
        criterion,
        seed=training_seed,
        lr=params["learning_rate_init"],
        batch_size=params["batch_size"],
        max_epochs=params["max_iter"],
        train_split=None,
        verbose=params["verbose"],
        device=device,
        **solver_params(params["solver"], device),
        **_extra_params(params["net_params"]),
    ).initialize()
    net.recipe_ = recipe
    return net


def build_vae(params, n_features):
    """Build the module that an estimator's parameters describe."""
    encoder, decoder = build_networks(
        params["network"],
        n_features,
        params["n_components"],
        hidden_layer_sizes=_as_tuple(params["hidden_layer_sizes"]),
        activation=params["activation"],
        image_shape=params["image_shape"],
    )
    likelihood = build_likelihood(params["likelihood"], params["noise_variance"])
    likelihood.bind(n_features)
    return VAE(encoder, decoder, likelihood, params["n_components"])


def build_likelihood(likelihood, noise_variance):
    """Turn the parameters of that name into a likelihood of the net's own."""
    if likelihood == "gaussian":
        return Gaussian(noise_variance)
    if noise_variance is not None:
        raise ValueError(
            f"noise_variance={noise_variance} is for likelihood='gaussian' only, "
            f"got likelihood={likelihood!r}."
        )
    return deepcopy(likelihood) if isinstance(likelihood, Likelihood) else Bernoulli()


def _as_tuple(hidden_layer_sizes):
    try:
        return tuple(hidden_layer_sizes)
    except TypeError:
        return (hidden_layer_sizes,)


def _extra_params(net_params):
    """Leave out the callbacks, which are set at each fit; refuse what is taken."""
    extra = {**(net_params or {})}
    extra.pop("callbacks", None)
    for name in extra:
        if name in OWN_PARAMETERS:
            raise ValueError(
                f"net_params may not hold {name!r}: set {OWN_PARAMETERS[name]} of the "
                "estimator instead."
            )
    return extra
