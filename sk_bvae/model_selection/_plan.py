"""Which replicas train together, and how many at a time."""

import torch
from sklearn import get_config
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call, stack_module_state, vmap
from torch.utils.flop_counter import FlopCounterMode

from sk_bvae.estimators._fitting import make_criterion, same_value
from sk_bvae.nn import Batch
from sk_bvae.nn._device import resolve_device
from sk_bvae.nn._random import DrawsFrom
from sk_bvae.training.net import SOLVERS
from sk_bvae.training.stack import Game

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
        Positions of candidates that differ in weights of the objective only.
    """
    groups = []
    for position, candidate in enumerate(candidates):
        fixed = _without(candidate, estimator.weights)
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
    the players or the objective, and on a CPU where a step is large. Else as many as
    keep within scikit-learn's ``working_memory``.

    Parameters
    ----------
    estimator : BaseModel
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
    if not _trains_entry_by_entry(estimator):
        return 1
    trial = Trial(estimator, n_features)
    if not trial.can_stack():
        return 1
    batch_size = min(estimator.batch_size, n_samples)
    on_cpu = resolve_device(estimator.device).type == "cpu"
    if on_cpu and trial.step_flops(batch_size) > SMALL_STEP_FLOPS:
        return 1
    available = get_config()["working_memory"] * 2**20
    return max(1, int(available // trial.replica_bytes(batch_size, n_samples)))


def _trains_entry_by_entry(estimator):
    extra = estimator.net_params or {}
    return (
        estimator.solver in SOLVERS
        and not estimator.early_stopping
        and all("optimizer__" in name for name in extra)
    )


class Trial:
    """An estimator's objective, tried on blank rows before anything is trained.

    Parameters
    ----------
    estimator : BaseModel
        The estimator.

    n_features : int
        Columns of the data.
    """

    def __init__(self, estimator, n_features):
        self.criterion = make_criterion(estimator)
        with DrawsFrom(torch.Generator().manual_seed(0)):
            players = nn.ModuleDict(estimator._make_players(n_features))
        self.game = Game(players, self.criterion).eval()
        self.n_features = n_features

    def batch(self, n_rows, *leading):
        """Make blank rows and their noise."""
        shape = (*leading, self.criterion.n_views, n_rows)
        return (
            torch.zeros(*shape, self.n_features),
            torch.zeros(*shape, self.criterion.n_noise),
        )

    def losses(self, n_rows):
        """Compute the losses of blank rows."""
        return self.game(Batch(*self.batch(n_rows), n_rows), 0.0, None)

    def can_stack(self):
        """Try two at once: some depend on values in ways that vmap refuses."""
        state = stack_module_state([self.game, self.game])
        weights = {
            name: torch.full((2,), float(value))
            for name, value in self.criterion.weights.items()
        }

        def losses(state, weights, x, noise):
            batch = Batch(x, noise, 1)
            return functional_call(self.game, state, (batch, 0.0, weights))

        try:
            vmap(losses, randomness="different")(state, weights, *self.batch(1, 2))
        except RuntimeError:  # vmap's own, for what it cannot do
            return False
        return True

    def step_flops(self, batch_size):
        """Count the floating-point operations of a training step of one replica."""
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            self.losses(1)
        # a backward pass has twice as many as a forward pass
        return 3 * batch_size * counter.get_total_flops()

    def replica_bytes(self, batch_size, n_samples):
        """Estimate the memory that a replica takes in a stack."""
        # weights, their gradients, and two moments of each
        weights = 4 * sum(parameter.numel() for parameter in self.game.parameters())
        # order (64 bits) and noise of a pass
        draws = n_samples * self.criterion.n_views * (2 + self.criterion.n_noise)
        return 4 * (weights + draws + self._numbers_kept(batch_size))

    def _numbers_kept(self, batch_size):
        """Count what a forward pass keeps for the backward pass, weights apart."""
        weights = {p.untyped_storage().data_ptr() for p in self.game.parameters()}
        sizes = []

        def pack(tensor):
            if tensor.untyped_storage().data_ptr() not in weights:
                sizes.append(tensor.numel())
            return tensor

        with saved_tensors_hooks(pack, lambda tensor: tensor):
            self.losses(batch_size)
        return sum(sizes)
