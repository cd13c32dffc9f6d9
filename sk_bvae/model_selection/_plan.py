"""Which replicas train together, and how many at a time."""

import torch
from sklearn import get_config
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call, stack_module_state, vmap
from torch.utils.flop_counter import FlopCounterMode

from sk_bvae._base import same_value
from sk_bvae._build import build_vae
from sk_bvae._net import SOLVERS
from sk_bvae.nn._device import resolve_device
from sk_bvae.nn._random import DrawsFrom

# On a CPU a step of this many operations or fewer is mostly overhead, which a stack
# pays once for all its nets. Above, the arithmetic is the bound and stacking only adds
# to it. Measured by benchmarks/bench_search.py.
SMALL_STEP_FLOPS = 2e8


def plan_stacks(estimator, candidates, estimators, shape):
    """Deal the replicas out to stacks.

    Parameters
    ----------
    estimator : BaseVAE
        What the candidates are settings of.

    candidates : list of dict
        Settings.

    estimators : dict
        An unfitted estimator for each place (candidate, replica) of the table.

    shape : tuple of int
        Shape of the data.

    Returns
    -------
    stacks : list of list of tuple
        For each stack, the places of its replicas.
    """
    stacks = []
    for group in group_candidates(estimator, candidates):
        places = [place for place in estimators if place[0] in group]
        try:
            size = stack_size(estimators[places[0]], *shape)
        except Exception:  # the fit meets it too, and reports it
            size = 1
        n_stacks = -(-len(places) // size)
        # stacks of even sizes rather than full ones and a rest
        stacks += [places[start::n_stacks] for start in range(n_stacks)]
    return stacks


def group_candidates(estimator, candidates):
    """Put together the candidates whose replicas can be one stack.

    Parameters
    ----------
    estimator : BaseVAE
        What the candidates are settings of.

    candidates : list of dict
        Settings.

    Returns
    -------
    groups : list of list of int
        Positions of candidates that differ in scalars of the objective only.
    """
    groups = []
    for position, candidate in enumerate(candidates):
        fixed = _without(candidate, estimator._objective_scalars)
        for settings, members in groups:
            if _same_settings(fixed, settings):
                members.append(position)
                break
        else:
            groups.append((fixed, [position]))
    return [members for _, members in groups]


def _without(candidate, names):
    return {name: value for name, value in candidate.items() if name not in names}


def _same_settings(ours, theirs):
    return ours.keys() == theirs.keys() and all(
        same_value(ours[name], theirs[name]) for name in ours
    )


def stack_size(estimator, n_samples, n_features):
    """Say how many replicas of an estimator to train as one.

    One, where the training does things to single nets (callbacks, early stopping, an
    optimizer that might not work entry by entry), where `torch.func.vmap` cannot follow
    the network, and on a CPU where a step is large.
    Else as many as keep within scikit-learn's ``working_memory``.

    Parameters
    ----------
    estimator : BaseVAE
        The estimator.

    n_samples : int
        Rows of the data.

    n_features : int
        Columns of the data.

    Returns
    -------
    n_replicas : int
        At least 1.
    """
    if not (_trains_entry_by_entry(estimator) and _can_stack(estimator, n_features)):
        return 1
    on_cpu = resolve_device(estimator.device).type == "cpu"
    if on_cpu and step_flops(estimator, n_samples, n_features) > SMALL_STEP_FLOPS:
        return 1
    available = get_config()["working_memory"] * 2**20
    return max(1, int(available // replica_bytes(estimator, n_samples, n_features)))


def _trains_entry_by_entry(estimator):
    extra = estimator.net_params or {}
    return (
        estimator.solver in SOLVERS
        and not estimator.early_stopping
        and all(name.startswith("optimizer__") for name in extra)
    )


def _can_stack(estimator, n_features):
    """Try the networks on two rows: some depend on values in ways that vmap refuses."""
    vae = _build(estimator, n_features)
    state = stack_module_state([vae, vae])
    x, noise = torch.zeros(2, 1, n_features), torch.zeros(2, 1, vae.n_components)

    def terms(parameters, buffers, x, noise):
        return functional_call(vae, {**parameters, **buffers}, (x, noise))

    try:
        vmap(terms, randomness="different")(*state, x, noise)
    except RuntimeError:  # vmap's own, for what it cannot do
        return False
    return True


def step_flops(estimator, n_samples, n_features):
    """Count the floating-point operations of a training step of one replica."""
    vae = _build(estimator, n_features)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        vae(torch.zeros(1, n_features), torch.zeros(1, vae.n_components))
    # a backward pass has twice as many as a forward pass
    return 3 * min(estimator.batch_size, n_samples) * counter.get_total_flops()


def replica_bytes(estimator, n_samples, n_features):
    """Estimate the memory that a replica takes in a stack."""
    vae = _build(estimator, n_features)
    # weights, their gradients, and two moments of each
    weights = 4 * sum(parameter.numel() for parameter in vae.parameters())
    # order (64 bits) and noise of a pass
    draws = n_samples * (2 + vae.n_components)
    n_rows = min(estimator.batch_size, n_samples)
    return 4 * (weights + draws + n_rows * _numbers_kept_for_a_row(vae, n_features))


def _build(estimator, n_features):
    with DrawsFrom(torch.Generator().manual_seed(0)):
        return build_vae(estimator.get_params(deep=False), n_features).eval()


def _numbers_kept_for_a_row(vae, n_features):
    """Count what a forward pass keeps for the backward pass, weights apart."""

    def kept(n_rows):
        sizes = []

        def pack(tensor):
            sizes.append(tensor.numel())
            return tensor

        with saved_tensors_hooks(pack, lambda tensor: tensor):
            vae(torch.zeros(n_rows, n_features), torch.zeros(n_rows, vae.n_components))
        return sum(sizes)

    return kept(2) - kept(1)
