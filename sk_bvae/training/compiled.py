"""A step's losses and gradients, compiled as one graph."""

from functools import cached_property

import torch

from sk_bvae.nn import Losses
from sk_bvae.training.step import Game


class CompiledGradients:
    """What an objective and `step.backward` give, compiled as one graph.

    Were the objective compiled alone, torch's autograd would stand between two graphs,
    and on small networks take as long as they do.

    Parameters
    ----------
    players : ModuleDict
        The players.

    criterion : Criterion
        What they are trained by.

    **options : dict
        What `torch.compile` takes.
    """

    def __init__(self, players, criterion, **options):
        self.criterion = criterion
        self.game = Game(players, criterion.count)
        self.parameters = {
            player: list(module.parameters()) for player, module in players.items()
        }
        self.compute = torch.compile(losses_and_gradients, **options)

    @cached_property
    def sees_gradients(self):
        """A context in which torch's compiler traces the backward pass as well."""
        config = torch._dynamo.config
        if not hasattr(config, "trace_autograd_ops"):
            raise ValueError(
                "net_params={'compile': True} needs torch 2.11 or newer to train, and "
                f"this is torch {torch.__version__}. Leave 'compile' out."
            )
        return config.patch(trace_autograd_ops=True)

    def __call__(self, batch, progress):
        """Compute the losses of a batch, and leave each player its own gradient.

        Parameters
        ----------
        batch : Batch
            What there is to see.

        progress : float
            The share of the training that is done.

        Returns
        -------
        losses : Losses
            What the objective gave, without its graph.
        """
        learned = {
            player: [p for p in parameters if p.requires_grad]
            for player, parameters in self.parameters.items()
        }
        weights = {
            name: torch.tensor(weight, dtype=torch.float32)
            for name, weight in self.criterion.weights_at(progress).items()
        }
        x, noise = usual_strides(batch.x), usual_strides(batch.noise)
        batch = batch._replace(x=x, noise=noise)
        with self.sees_gradients:
            losses, gradients = self.compute(self.game, learned, batch, weights)
        for player, parameters in learned.items():
            for parameter, gradient in zip(parameters, gradients[player], strict=True):
                parameter.grad = gradient
        return losses


def losses_and_gradients(game, learned, batch, weights):
    """Compute the losses, and each player's gradient of its own.

    Parameters
    ----------
    game : Game
        Players and objective.

    learned : dict of str to list of Tensor
        What each player learns.

    batch : Batch
        What there is to see.

    weights : dict of str to Tensor of shape ()
        Weights of the objective: as numbers, each value would be compiled anew.

    Returns
    -------
    losses : Losses
        What the objective gave, without its graph.

    gradients : dict of str to tuple of (Tensor or None)
        Those of `learned`, None where the player's loss does not depend on it.
    """
    losses, gradients = game(batch, weights), {}
    last = list(losses.players)[-1]
    for player, loss in losses.players.items():
        gradients[player] = torch.autograd.grad(
            loss, learned[player], retain_graph=player != last, allow_unused=True
        )
    return Losses(*map(_detached, losses)), gradients


def _detached(terms):
    return {name: term.detach() for name, term in terms.items()}


def usual_strides(views):
    """Let the strides of a single view not depend on how many rows there are in all.

    Each number of rows would be compiled anew otherwise.
    """
    return views.flatten(0, 1).unflatten(0, views.shape[:2])
