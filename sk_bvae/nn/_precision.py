"""Networks that multiply in another precision than what is around them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MixedPrecision(nn.Module):
    """A player whose networks may multiply in another precision while they train.

    What goes into a network and what comes out of it stay as they are, and so do the
    weights. `torch.autocast` casts on the way, for matrix products and convolutions.
    """

    # What training sets; None is the precision of the weights.
    multiplies_in: torch.dtype | None = None

    def run(self, network: nn.Module, x: Tensor) -> Tensor:
        """Apply one of the player's networks.

        Parameters
        ----------
        network : Module
            The network.

        x : Tensor of shape (n_samples, n_in)
            Its input.

        Returns
        -------
        y : Tensor of shape (n_samples, n_out)
            Its output, of the input's dtype.
        """
        if self.multiplies_in is None or not self.training:
            return network(x)
        with torch.autocast(x.device.type, self.multiplies_in):
            return network(x).to(x.dtype)


class MixedSequential(MixedPrecision, nn.Sequential):
    """A chain of layers that is a player by itself."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers in turn."""
        return self.run(super().forward, x)


class LatentLinear(nn.Linear):
    """A linear layer next to the latents, which multiplies as precisely as they ask.

    bfloat16 has 8 bits, so that numbers near 1 are 0.008 apart. A latent of 5 nats has
    a posterior of that width: rounded so, it would be told apart no more.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Multiply in the precision of the weights, whatever is done around it."""
        if not torch.is_autocast_enabled(x.device.type):
            return F.linear(x, self.weight, self.bias)
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x.to(self.weight.dtype), self.weight, self.bias)
