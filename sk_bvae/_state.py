"""A trained net as plain values and NumPy arrays, and back."""

import numpy as np
import torch

from sk_bvae._build import build_net


def net_to_arrays(net):
    """Collect what a net needs to go on elsewhere."""
    return {
        "recipe": net.recipe_,
        "module": _to_arrays(net.vae_.state_dict()),
        "optimizer": _to_arrays(net.optimizer_.state_dict()),
        "generator": net.generator_.get_state().numpy(),
        "epochs_done": net.epochs_done_,
        "history": [_without_batches(epoch) for epoch in net.history],
    }


def net_from_arrays(state, criterion, device):
    """Rebuild a net from its recipe, on any device, and give it its state."""
    net = build_net(state["recipe"], criterion, device)
    net.vae_.load_state_dict(_to_tensors(state["module"]))
    net.optimizer_.load_state_dict(_to_tensors(state["optimizer"]))
    net.generator_.set_state(torch.from_numpy(state["generator"].copy()))
    net.epochs_done_ = state["epochs_done"]
    net.history.extend(dict(epoch, batches=[]) for epoch in state["history"])
    return net


def _without_batches(epoch):
    return {key: value for key, value in epoch.items() if key != "batches"}


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
