"""Networks that multiply in another precision than what is around them."""

import torch
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
    """A linear layer that multiplies in float32, or whatever its weights are.

    Where networks multiply in bfloat16, the encoder's last layer and the decoder's
    first should not: bfloat16 has 8 bits, so that numbers between 1 and 2 are 0.008
    apart. That is the width of the posterior of a latent of 5 nats.

    Parameters
    ----------
    in_features : int
        Number of inputs.

    out_features : int
        Number of outputs.

    bias : bool, default=True
        Whether a constant is added.

    device : torch.device or str, default=None
        Where the weights are. None is torch's default.

    dtype : torch.dtype, default=None
        Type of the weights. None is torch's default.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import LatentLinear
    >>> layer = LatentLinear(3, 2)
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     y = layer(torch.ones(5, 3))
    >>> y.dtype
    torch.float32
    """

    def forward(self, x: Tensor) -> Tensor:
        """Multiply, and add the constant.

        Parameters
        ----------
        x : Tensor of shape (..., in_features)
            Input.

        Returns
        -------
        y : Tensor of shape (..., out_features)
            Output, of the weights' dtype.
        """
        if not torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))
