"""Nets that differ in seed and weights of the objective, trained as one model."""

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from sk_bvae.nn import Batch
from sk_bvae.training.rows import draw_pass
from sk_bvae.training.step import (
    EpochMeans,
    NonFiniteLossError,
    Progress,
    StopTraining,
    backward,
    named_terms,
)


class Stack:
    """Nets of one architecture whose weights are stacked along a leading dimension.

    One vectorised forward and backward, one optimizer for each player, one gather for
    a batch. Each net draws its own order of the rows and its own noise, so each learns
    what it would learn alone.

    Parameters
    ----------
    nets : list of Net
        The nets, ready for training. They differ in nothing but their seeds and the
        weights of their criterion.
    """

    def __init__(self, nets):
        self.nets = nets
        self.failures = {}
        self.progress = Progress()
        self.criterion = nets[0].criterion_
        self.game = Game(nets[0].module_, self.criterion)
        self.parameters, self.buffers = stack_module_state(
            [Game(net.module_, self.criterion) for net in nets]
        )
        self.learned = {
            player: [p for _, p in self._named(player) if p.requires_grad]
            for player in nets[0].module_
        }
        self.optimizers = {
            player: self._make_optimizer(player) for player in self.learned
        }
        self.weights = {
            name: self._as_tensor([net.criterion_.weights[name] for net in nets])
            for name in self.criterion.weights
        }

    def _named(self, player):
        """Name a player's stacked parameters as the player itself names them."""
        start = f"players.{player}."
        return [
            (name.removeprefix(start), parameter)
            for name, parameter in self.parameters.items()
            if name.startswith(start)
        ]

    def _make_optimizer(self, player):
        net = self.nets[0]
        name = net.optimizer_name(player)
        args, kwargs = net.get_params_for_optimizer(name, self._named(player))
        return getattr(net, name)(*args, **kwargs)

    def _as_tensor(self, values):
        like = next(iter(self.parameters.values()))
        return torch.tensor(values, dtype=like.dtype, device=like.device)

    def fit(self, rows, n_epochs, tasks):
        """Train for a number of epochs, or until a callback or every net stops.

        Parameters
        ----------
        rows : Rows
            The training data.

        n_epochs : int
            How many epochs.

        tasks : EpochTasks
            Where epochs are reported.
        """
        try:
            for _ in range(n_epochs):
                tasks.begin()
                self.train_epoch(rows)
                tasks.end()
                if len(self.failures) == len(self.nets):
                    break
        except StopTraining:
            pass
        self.unstack()

    def train_epoch(self, rows):
        """Train for one pass over the rows, and write it into the nets' histories."""
        self.game.train()
        n_rows, size = len(rows), self.nets[0].batch_size
        n_batches = -(-n_rows // size)
        means = EpochMeans(n_batches, size, stacked=True)
        start = self.progress.epochs
        order, noise = self._draw_passes(n_rows)
        order, noise = rows.positions[order], noise.to(rows.device)
        for number in range(n_batches):
            some = slice(number * size, (number + 1) * size)
            x, draws = rows[order[..., some]], noise[..., some, :]
            means.add(named_terms(self.step(x, draws, n_rows)), x.shape[2])
            self.progress.epochs = start + (number + 1) / n_batches
        self._record(means.read())

    def _draw_passes(self, n_rows):
        sizes = n_rows, self.criterion.n_views, self.criterion.n_noise
        passes = [draw_pass(net.generator_, *sizes) for net in self.nets]
        return tuple(torch.stack(drawn) for drawn in zip(*passes, strict=True))

    def step(self, x, noise, n_rows):
        """Take one step of all nets.

        Parameters
        ----------
        x : Tensor of shape (n_nets, n_views, n_samples, n_features)
            A batch for each net.

        noise : Tensor of shape (n_nets, n_views, n_samples, n_noise)
            Noise for each net.

        n_rows : int
            Rows that the batches are taken from.

        Returns
        -------
        losses : Losses
            With a leading dimension for the nets.
        """
        # not kept: an attribute that refers to the stack would keep it all in memory
        losses_of_all = vmap(self._losses_of_one, randomness="different")
        losses = losses_of_all(
            (self.parameters, self.buffers), self.weights, x, noise, n_rows=n_rows
        )
        # No loss depends on another's weights: the sum's gradient is each one's own.
        totals = {player: loss.sum() for player, loss in losses.players.items()}
        backward(totals, self.learned)
        for optimizer in self.optimizers.values():
            optimizer.step()
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        return losses

    def _losses_of_one(self, state, weights, x, noise, n_rows):
        progress = self.progress.epochs / self.nets[0].max_epochs
        batch = Batch(x, noise, n_rows)
        return functional_call(self.game, state, (batch, progress, weights))

    def _record(self, means):
        for place, net in enumerate(self.nets):
            if net in self.failures:
                continue
            net.progress_.epochs = self.progress.epochs
            net.on_epoch_begin(net)
            try:
                own = {name: mean[place] for name, mean in means.items()}
                net.record_epoch("train", own)
            except NonFiniteLossError as error:
                self.failures[net] = error

    def unstack(self):
        """Give every net its weights and the state of its optimizers."""
        stacked = {**self.parameters, **self.buffers}
        with torch.no_grad():
            for place, net in enumerate(self.nets):
                for name, tensor in Game(net.module_, None).state_dict().items():
                    tensor.copy_(stacked[name][place])
                for player, module in net.module_.items():
                    self._hand_out_moments(player, module, net, place)

    def _hand_out_moments(self, player, module, net, place):
        own, states = dict(module.named_parameters()), self.optimizers[player].state
        for name, parameter in self._named(player):
            state = _slice(states.get(parameter, {}), own[name], place)
            net.optimizer_of(player).state[own[name]] = state


class Game(nn.Module):
    """Players and what they are trained by, as one module.

    Parameters
    ----------
    players : ModuleDict
        The players.

    criterion : Criterion
        What they are trained by.
    """

    def __init__(self, players, criterion):
        super().__init__()
        self.players = players
        self.criterion = criterion

    def forward(self, batch, progress, weights):
        """Compute the losses of a batch."""
        return self.criterion(self.players, batch, progress, weights)


def _slice(state, parameter, place):
    """Take one net's part of an optimizer's state; step counts have no parts."""

    def own(value):
        has_parts = value.dim() > 0 and value.shape[1:] == parameter.shape
        return value[place].clone() if has_parts else value.clone()

    return {key: own(value) for key, value in state.items()}
