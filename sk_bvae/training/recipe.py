"""From an estimator's parameters to a net, and a net as plain values and arrays."""

import numpy as np
import torch
from torch import nn

from sk_bvae.nn._defaults import OwnDefaults
from sk_bvae.nn._random import DrawsFrom
from sk_bvae.training.net import Net
from sk_bvae.training.solvers import solver_params
from sk_bvae.training.step import Curves

# What an estimator sets by parameters of its own.
OWN_PARAMETERS = {
    "module": "network",
    "optimizer": "solver",
    "lr": "learning_rate_init",
    "max_epochs": "max_iter",
    "batch_size": "batch_size",
    "train_split": "early_stopping and validation_fraction",
    "warm_start": "warm_start",
    "verbose": "verbose",
    "device": "device",
    "seed": "random_state",
}


@OwnDefaults()
def build_net(make_players, optimizers, criterion, recipe, device):
    """Build and initialise a net, with nothing learned yet.

    Parameters
    ----------
    make_players : callable
        Returns the players, a dict of modules by name.

    optimizers : dict of str to (str or Optimizer class, dict)
        A solver and its settings, for players that need their own.

    criterion : Criterion
        What they are trained by.

    recipe : dict
        Plain values that say it all: "params" of the estimator, "n_features" of the
        data, and "seeds" for the initial "weights", the "training", and the "scoring".

    device : torch.device
        Where to compute.

    Returns
    -------
    net : Net
        Ready for training, but for what players take from the data. Its ``recipe_``
        is the recipe.
    """
    params, seeds = recipe["params"], recipe["seeds"]
    with DrawsFrom(torch.Generator().manual_seed(seeds["weights"])):
        players = nn.ModuleDict(make_players())
    settings = {  # what users say counts last
        **_optimizers(players, optimizers, params["solver"], device),
        **_extra_params(params["net_params"]),
    }
    net = Net(
        players.float(),
        criterion,
        seed=seeds["training"],
        lr=params["learning_rate_init"],
        batch_size=params["batch_size"],
        max_epochs=params["max_iter"],
        train_split=None,
        verbose=params["verbose"],
        device=device,
        **settings,
    ).initialize()
    net.recipe_ = recipe
    return net


def _optimizers(players, optimizers, solver_of_others, device):
    """Name the players' optimizers as skorch does: the first one's is "optimizer"."""
    named = {}
    for position, player in enumerate(players):
        solver, settings = optimizers.get(player, (solver_of_others, {}))
        name = f"{player}_optimizer" if position else "optimizer"
        named.update(solver_params(name, solver, device))
        named.update({f"{name}__{key}": value for key, value in settings.items()})
    return named


def _extra_params(net_params):
    """Leave out the callbacks, which are set at each fit; refuse what is taken."""
    extra = {**(net_params or {})}
    extra.pop("callbacks", None)
    if "criterion" in extra:
        raise ValueError(
            "net_params may not hold 'criterion': the objective is the estimator's "
            "own. Subclass it for another."
        )
    for name in extra:
        if name in OWN_PARAMETERS:
            raise ValueError(
                f"net_params may not hold {name!r}: set {OWN_PARAMETERS[name]} of the "
                "estimator instead."
            )
    return extra


def net_to_arrays(net):
    """Collect what a net needs to go on elsewhere."""
    task = dict(net.task_)
    if net.patience_ is not None:
        task["patience"] = net.patience_.state()
    return {
        "recipe": net.recipe_,
        "players": _to_arrays(net.module_.state_dict()),
        "optimizers": {
            player: _to_arrays(net.optimizer_of(player).state_dict())
            for player in net.module_
        },
        "shift": net.shift_,
        "generator": net.generator_.get_state().numpy(),
        "epochs_done": net.progress_.epochs,
        "trimmed": net.trimmed_,
        "curves": dict(net.curves_.terms),
        "task": _to_arrays(task),
    }


@OwnDefaults()
def give_state(net, state):
    """Give a net of the same recipe the state that `net_to_arrays` collected."""
    net.module_.load_state_dict(_to_tensors(state["players"]))
    for player, optimizer in state["optimizers"].items():
        net.optimizer_of(player).load_state_dict(_to_tensors(optimizer))
    net.trimmed_ = state["trimmed"]
    net.task_ = _to_tensors(state["task"])
    net.patience_ = None
    net.shift_ = state["shift"]
    net.generator_.set_state(torch.from_numpy(state["generator"].copy()))
    net.progress_.epochs = state["epochs_done"]
    net.curves_ = Curves(state["curves"])
    net.history[:] = [
        {"epoch": number, "train_loss": float(loss), "batches": []}
        for number, loss in enumerate(state["curves"].get("loss", ()), start=1)
    ]


def trim(net):
    """Drop what only further training needs: gradients and the optimizers' moments."""
    for player, module in net.module_.items():
        module.zero_grad(set_to_none=True)
        net.optimizer_of(player).state.clear()
    net.trimmed_ = True


def _to_arrays(tree):
    return _map(tree, torch.Tensor, lambda leaf: leaf.cpu().numpy().copy())


def _to_tensors(tree):
    return _map(tree, np.ndarray, lambda leaf: torch.from_numpy(leaf.copy()))


def _map(tree, kind, function):
    """Apply a function to the leaves of one kind in nested dicts and lists."""
    if isinstance(tree, kind):
        return function(tree)
    if isinstance(tree, dict):
        return {key: _map(value, kind, function) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_map(value, kind, function) for value in tree)
    return tree
