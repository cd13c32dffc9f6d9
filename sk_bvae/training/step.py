"""One step of any objective: its losses, their gradients, and means over an epoch."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sk_bvae.nn import Losses


class StopTraining(Exception):  # noqa: N818 - a request, not an error
    """Raised by a callback to end the training after the current epoch."""


class NonFiniteLossError(ArithmeticError):
    """The loss of an epoch is infinite or not a number."""

    def __init__(self, epoch):
        super().__init__(epoch)
        self.epoch = epoch


class Criterion(nn.Module):
    """An objective with its weights: what skorch calls a criterion.

    Parameters
    ----------
    objective : callable
        ``objective(players, batch, **weights)`` returns `Losses`.

    weights : dict of str to float
        Plain numbers, by value.

    schedule : callable
        ``schedule(progress, **weights)`` returns the weights that differ at some point
        of the training.

    n_views : int, default=1
        Batches that a step takes.

    n_noise : int, default=1
        Draws that a row takes.
    """

    def __init__(self, objective, weights, schedule, n_views=1, n_noise=1):
        super().__init__()
        self.objective = objective
        self.weights = weights
        self.schedule = schedule
        self.n_views = n_views
        self.n_noise = n_noise

    def forward(self, players, batch, progress, weights=None):
        """Compute the losses, of other weights where a stack has its own."""
        return self.count(players, batch, self.weights_at(progress, weights))

    def weights_at(self, progress, weights=None):
        """Return all weights at a point of the training."""
        weights = self.weights if weights is None else weights
        return {**weights, **self.schedule(progress, **weights)}

    def count(self, players, batch, weights):
        """Compute the losses, and let them count as much as the rows do."""
        losses = self.objective(players, batch, **weights)
        if batch.sample_weight is None:
            return losses
        return count_rows(losses, batch.sample_weight)


class Game(nn.Module):
    """Players and what they are trained by, as one module.

    Parameters
    ----------
    players : ModuleDict
        The players.

    criterion : callable
        What they are trained by: ``criterion(players, ...)`` returns `Losses`.
    """

    def __init__(self, players, criterion):
        super().__init__()
        self.players = players
        self.criterion = criterion

    def forward(self, *args):
        """Compute the losses."""
        return self.criterion(self.players, *args)


def count_rows(losses, sample_weight):
    """Let a batch count in an epoch as much as its rows do, and each row by itself.

    An objective's losses are means over the rows of a batch. So that their sum over
    the batches of an epoch is that over the rows, and its gradient too, a batch whose
    rows count twice the average has to count twice.

    Parameters
    ----------
    losses : Losses
        What the objective gave.

    sample_weight : Tensor of shape (n_samples,)
        How much each row counts, 1 on average over an epoch.

    Returns
    -------
    losses : Losses
        Whose means over the epoch, rows taken alike, are weighted means.
    """
    of_batch = sample_weight.mean()

    def count(term):
        if term.dim() == 0:
            return of_batch * term
        return sample_weight.reshape(-1, *[1] * (term.dim() - 1)) * term

    return Losses(
        {player: count(loss) for player, loss in losses.players.items()},
        {name: count(term) for name, term in losses.report.items()},
    )


def backward(losses, parameters):
    """Give every player the gradient of its own loss, and of no other.

    Parameters
    ----------
    losses : dict of str to Tensor of shape ()
        A loss for each player.

    parameters : dict of str to list of Tensor
        What each player learns.
    """
    if len(losses) == 1:  # naming the inputs costs time, and there are no others
        next(iter(losses.values())).backward()
        return
    last = list(losses)[-1]
    for player, loss in losses.items():
        loss.backward(inputs=parameters[player], retain_graph=player != last)


def named_terms(losses):
    """Name everything that an objective gave: the losses, then its report.

    Parameters
    ----------
    losses : Losses
        What the objective gave.

    Returns
    -------
    terms : dict of str to Tensor
        The first player's loss is "loss", another's "PLAYER_loss".
    """
    players = iter(losses.players.items())
    named = {"loss": next(players)[1]}
    for player, loss in players:
        named[f"{player}_loss"] = loss
    return named | losses.report


@dataclass
class Progress:
    """How far a training has come: epochs, with the share of the present one.

    An object of its own because a net's attributes are slow to set.
    """

    epochs: float = 0.0


class EpochMeans:
    """Means over an epoch of named terms, summed on the device and read once.

    Terms are copied into buffers that last: small tensors that outlive the large ones
    made between them would tear up the heap.

    Parameters
    ----------
    n_batches : int
        Batches in the epoch.

    batch_size : int
        Rows in a batch; the last one may be smaller.

    stacked : bool, default=False
        Whether terms have a leading dimension, with a mean for each entry.
    """

    # Batches that are kept before they are summed: one sum for many batches.
    PENDING = 256

    def __init__(self, n_batches, batch_size, stacked=False):
        self.room = min(n_batches, self.PENDING)
        self.batch_size = batch_size
        self.n_leading = int(stacked)
        self.sizes = []
        self.buffers = {}
        self.of_batches = set()
        self.places = []
        self.totals = {}
        self.n_rows = 0

    def add(self, terms, n_rows):
        """Take the terms of a batch: of all of it, of its rows, or of their latents."""
        if len(self.sizes) == self.room:
            self._sum()
        if not self.buffers:
            self._make_buffers(terms)
        places = self.places[len(self.sizes)]
        for name, place in zip(self.buffers, places, strict=True):
            if n_rows < self.batch_size and name not in self.of_batches:
                place = place.narrow(self.n_leading, 0, n_rows)
            place.copy_(terms[name].detach())
        self.sizes.append(n_rows)

    def read(self):
        """Return the mean of each term, as arrays."""
        self._sum()
        return {
            name: (total / self.n_rows).cpu().numpy()
            for name, total in self.totals.items()
        }

    def _make_buffers(self, terms):
        for name, term in terms.items():
            leading, inner = term.shape[: self.n_leading], term.shape[self.n_leading :]
            if not inner:
                self.of_batches.add(name)
                self.buffers[name] = term.new_empty(*leading, self.room)
            else:
                size = self.room * self.batch_size
                self.buffers[name] = term.new_empty(*leading, size, *inner[1:])
        # where each batch goes, cut once: cutting takes longer than copying
        cuts = [
            buffer.unbind(self.n_leading)
            if name in self.of_batches
            else buffer.split(self.batch_size, dim=self.n_leading)
            for name, buffer in self.buffers.items()
        ]
        self.places = list(zip(*cuts, strict=True))

    def _sum(self):
        """Add up what is pending, in double precision."""
        n_batches, n_rows = len(self.sizes), sum(self.sizes)
        for name, buffer in self.buffers.items():
            if name in self.of_batches:
                sizes = torch.tensor(self.sizes, device=buffer.device)
                values = buffer[..., :n_batches].double() * sizes
            else:  # only an epoch's last batch is short, so they lie side by side
                values = buffer.narrow(self.n_leading, 0, n_rows).double()
            total = values.sum(dim=self.n_leading)
            self.totals[name] = self.totals.get(name, 0) + total
        self.n_rows += n_rows
        self.sizes = []


class Curves:
    """How the means of named terms went, epoch by epoch, as arrays that grow.

    Parameters
    ----------
    terms : dict of str to ndarray, default=None
        What there is already, epochs first.
    """

    def __init__(self, terms=None):
        self.terms = dict(terms or {})

    def append(self, means):
        """Add an epoch."""
        for name, mean in means.items():
            mean = np.asarray(mean, dtype=np.float64)[None]
            before = self.terms.get(name)
            whole = mean if before is None else np.concatenate([before, mean])
            self.terms[name] = whole
