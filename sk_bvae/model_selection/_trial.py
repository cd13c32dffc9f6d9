"""An objective tried on a few rows, to see whether and how its replicas can stack."""

from copy import deepcopy

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import stack_module_state
from torch.nn.modules.dropout import _DropoutNd

from sk_bvae.estimators._fitting import make_criterion
from sk_bvae.nn import Batch
from sk_bvae.nn._defaults import OwnDefaults
from sk_bvae.nn._random import DrawsFrom
from sk_bvae.training.precision import step_flops
from sk_bvae.training.stack import losses_of_all
from sk_bvae.training.step import EpochMeans, Game, backward

FLOAT = 4  # bytes
POSITION = 8

# Batch normalisation refuses to train on a single row.
TRIAL_ROWS = 2

# The weights of a net in a stack: its own, the stack's, their gradients, two moments of
# the optimizer; and as it ends, the net's own copies of these in the gradients' place.
COPIES_OF_WEIGHTS = 6

# What a step holds at its peak over what a forward pass keeps for the backward pass:
# measured on stacks of the models and likelihoods of this package, 1.8 to 3.
PEAK_OVER_KEPT = 3

# What a module is made of; everything else that it holds is an attribute of its own.
PARTS_OF_MODULES = {"_parameters", "_buffers", "_modules"}


class Trial:
    """An estimator's objective, tried on random rows before anything is trained.

    Parameters
    ----------
    estimator : BaseModel
        The estimator.

    n_features : int
        Columns of the data.
    """

    @OwnDefaults()
    def __init__(self, estimator, n_features):
        self.criterion = make_criterion(estimator)
        with DrawsFrom(torch.Generator().manual_seed(0)):
            players = nn.ModuleDict(estimator._make_players(n_features))
        self.game = Game(players.float(), self.criterion)
        self.n_features = n_features
        self.grouped = estimator.grouped

    def batch(self, n_rows, *leading):
        """Make rows of values between 0 and 1, which most likelihoods take, and noise.

        Blank rows would not do: an average of zeros stays 0 whatever becomes of it.
        """
        shape = (*leading, self.criterion.n_views, n_rows)
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(*shape, self.n_features, generator=generator)
        noise = torch.randn(*shape, self.criterion.n_noise, generator=generator)
        if not self.grouped:
            return Batch(x, noise, n_rows)
        varies = torch.tensor([True, False]).expand(*leading, 2)
        pairs = (torch.arange(n_rows) // 2).expand(*leading, n_rows)
        return Batch(x, noise, n_rows, varies=varies, group=pairs)

    def losses(self, n_rows):
        """Compute the losses of a batch."""
        return self.game(self.batch(n_rows), 0.0, None)

    @OwnDefaults()
    def can_stack(self):
        """Take a step of two nets as one, and see whether each comes out as if alone.

        `torch.func.vmap` refuses networks that depend on values in some ways. And what
        a network assigns as it runs can be lost, or mixed up between the nets.
        """
        game = self._without_draws(self.game.train())
        batch = self.batch(TRIAL_ROWS, 2)
        try:
            with torch.random.fork_rng(devices=[]):  # the layers' own draws
                alone = [_buffers_after(game, batch, place) for place in range(2)]
                together = self._buffers_of_two(game, batch)
        except Exception:  # refused by vmap; or by all means, and then the fit says so
            return False
        return all(map(_same_tensors, alone, together))

    def _without_draws(self, game):
        """Copy the game with its dropout off, whose draws two steps cannot share."""
        game = deepcopy(game)
        for module in game.modules():
            if isinstance(module, _DropoutNd):
                module.eval()
        return game

    def _buffers_of_two(self, game, batch):
        """Take a step of two nets as one, and read the buffers as a stack does."""
        parameters, buffers = stack_module_state([game, game])
        weights = {
            name: torch.tensor([value, value], dtype=torch.float32)
            for name, value in self.criterion.weights.items()
        }

        state = parameters, buffers
        losses = losses_of_all(game, state, batch, 0.0, weights).players
        totals = {player: loss.sum() for player, loss in losses.items()}
        backward(totals, _learned(parameters, totals))
        handed_out = game.state_dict()
        if not handed_out.keys() <= {*parameters, *buffers}:
            raise ValueError("Tensors that go by two names have one in a stack.")
        kept = dict(game.named_buffers())
        return [
            {
                name: buffers[name][place] if name in handed_out else kept[name]
                for name in kept
            }
            for place in range(2)
        ]

    @OwnDefaults()
    def step_flops(self, batch_size):
        """Count the floating-point operations of a training step of one replica."""
        return step_flops(self.game.eval(), lambda: self.losses(1), batch_size)

    def weight_bytes(self):
        """Count the memory that a replica's weights and moments take in a stack."""
        n_weights = sum(parameter.numel() for parameter in self.game.parameters())
        return COPIES_OF_WEIGHTS * FLOAT * n_weights

    def step_bytes(self, batch_size, n_samples):
        """Estimate the memory that a replica takes in a stack beside its weights."""
        n_views, n_noise = self.criterion.n_views, self.criterion.n_noise
        batch = FLOAT * n_views * batch_size * self.n_features
        # of a pass, and once more while those of all replicas are put together
        draws = 2 * n_views * n_samples * (POSITION + FLOAT * n_noise)
        # terms of rows and their latents until they are summed in double precision
        pending = min(n_samples, EpochMeans.PENDING * batch_size)
        terms = 3 * FLOAT * pending * (2 + n_noise)
        return PEAK_OVER_KEPT * self._bytes_kept(batch_size) + batch + draws + terms

    @OwnDefaults()
    def _bytes_kept(self, batch_size):
        """Count what a forward pass keeps for the backward pass, weights apart."""
        weights = {p.untyped_storage().data_ptr() for p in self.game.parameters()}
        sizes = []

        def pack(tensor):
            if tensor.untyped_storage().data_ptr() not in weights:
                sizes.append(tensor.nbytes)
            return tensor

        self.game.eval()
        with saved_tensors_hooks(pack, lambda tensor: tensor):
            self.losses(batch_size)
        return sum(sizes)


def _learned(parameters, players):
    """List what each player learns, of the parameters of a stack."""
    return {
        player: [
            parameter
            for name, parameter in parameters.items()
            if name.startswith(f"players.{player}.") and parameter.requires_grad
        ]
        for player in players
    }


def _buffers_after(game, batch, place):
    """Take a forward pass of a copy, and read its buffers; refuse other changes."""
    game = deepcopy(game)
    before = _attributes(game)
    own = [part[place] if isinstance(part, torch.Tensor) else part for part in batch]
    game(Batch(*own), 0.0, None)
    if _attributes(game) != before:
        raise ValueError("A network that sets attributes sets those of all replicas.")
    return dict(game.named_buffers())


def _attributes(game):
    """Mark what the modules hold beside parameters and buffers."""
    return {
        (module_name, name): _mark(value)
        for module_name, module in game.named_modules()
        for name, value in vars(module).items()
        if name not in PARTS_OF_MODULES
    }


def _mark(value):
    """Tell an object from others, and from itself with other content."""
    if isinstance(value, torch.Tensor):
        return id(value), value._version
    if isinstance(value, list | dict | set):
        return id(value), len(value)
    return id(value)


def _same_tensors(ours, theirs):
    return ours.keys() == theirs.keys() and all(
        torch.allclose(
            ours[name].double(),
            theirs[name].double(),
            rtol=1e-3,
            atol=1e-5,
            equal_nan=True,
        )
        for name in ours
    )
