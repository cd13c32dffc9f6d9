"""Encoders and decoders: a perceptron for tables, and the papers' networks."""

import itertools
import math
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from sk_bvae.nn._precision import LatentLinear

ACTIVATIONS = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
Activation: TypeAlias = Literal["identity", "logistic", "relu", "silu", "tanh"]
Network: TypeAlias = (
    Literal["mlp", "higgins_fc", "higgins_conv", "burgess_conv"]
    | Callable[[int, int], tuple[nn.Module, nn.Module]]
)


def mlp(
    n_features: int,
    n_components: int,
    *,
    hidden_layer_sizes: Sequence[int],
    activation: Activation,
    linear_path: bool = False,
) -> tuple[nn.Module, nn.Module]:
    """Build a multilayer perceptron and its mirror image.

    Parameters
    ----------
    n_features : int
        Number of inputs.

    n_components : int
        Number of latents.

    hidden_layer_sizes : sequence of int
        Units of the encoder's hidden layers; the decoder has them in reverse. Empty
        makes both maps affine.

    activation : {"identity", "logistic", "relu", "silu", "tanh"}
        What follows each hidden layer.

    linear_path : bool, default=False
        Whether each has a linear layer beside it, whose output is added.

    Returns
    -------
    encoder : Module
        From n_features to 2 n_components.

    decoder : Module
        From n_components to n_features.

    Examples
    --------
    >>> from sk_bvae.nn import mlp
    >>> encoder, decoder = mlp(4, 2, hidden_layer_sizes=(), activation="relu")
    >>> encoder
    Sequential(
      (0): LatentLinear(in_features=4, out_features=4, bias=True)
    )
    """
    there = [n_features, *hidden_layer_sizes]
    back = [n_components, *reversed(hidden_layer_sizes), n_features]
    layer = ACTIVATIONS[activation]
    encoder = [*_dense(there, layer), LatentLinear(there[-1], 2 * n_components)]
    decoder = _dense(back, layer, LatentLinear)[:-1]
    networks = nn.Sequential(*encoder), nn.Sequential(*decoder)
    if not linear_path or not hidden_layer_sizes:
        return networks
    paths = [
        LatentLinear(n_features, 2 * n_components),
        LatentLinear(n_components, n_features),
    ]
    return BesideLinear(networks[0], paths[0]), BesideLinear(networks[1], paths[1])


class BesideLinear(nn.Module):
    """A network and a linear path beside it: the sum of both.

    Parameters
    ----------
    network : Sequential
        Whose last layer is linear.

    linear : Linear
        The path beside it.
    """

    def __init__(self, network: nn.Sequential, linear: nn.Linear) -> None:
        super().__init__()
        self.network = network
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """Add both.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_in)
            The input.

        Returns
        -------
        y : Tensor of shape (n_samples, n_out)
            The sum.
        """
        return self.network(x) + self.linear(x)


def higgins_fc(
    n_features: int, n_components: int
) -> tuple[nn.Sequential, nn.Sequential]:
    """Build the fully connected network of Higgins et al. 2017, table 1, 2D shapes.

    Encoder: n_features - 1200 - 1200 - latents, ReLU. Decoder: latents - 1200 - 1200
    - 1200 - n_features, tanh.

    Parameters
    ----------
    n_features : int
        Number of inputs; 4096 in the paper.

    n_components : int
        Number of latents; 10 in the paper.

    Returns
    -------
    encoder : Module
        From n_features to 2 n_components.

    decoder : Module
        From n_components to n_features.

    Examples
    --------
    >>> from sk_bvae.nn import higgins_fc
    >>> encoder, decoder = higgins_fc(4096, 10)
    >>> sum(weights.numel() for weights in encoder.parameters())
    6381620
    """
    encoder = [
        *_dense([n_features, 1200, 1200], nn.ReLU),
        LatentLinear(1200, 2 * n_components),
    ]
    back = [n_components, 1200, 1200, 1200, n_features]
    decoder = _dense(back, nn.Tanh, LatentLinear)[:-1]
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def higgins_conv(
    image_shape: Sequence[int], n_components: int
) -> tuple[nn.Sequential, nn.Sequential]:
    """Build the convolutional network of Higgins et al. 2017, table 1.

    Encoder: four convolutions of 32, 32, 64, 64 channels, 4x4, stride 2, then 256
    units, ReLU. The decoder is its mirror image. The paper has it for Chairs, CelebA
    and 3D faces, 64x64, with 32 latents.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width); height and width are multiples of 16.

    n_components : int
        Number of latents.

    Returns
    -------
    encoder : Module
        From flat images to 2 n_components.

    decoder : Module
        From n_components to flat images.

    Raises
    ------
    ValueError
        If the height or the width is not a multiple of 16.

    Examples
    --------
    >>> from sk_bvae.nn import higgins_conv
    >>> encoder, decoder = higgins_conv((1, 64, 64), 32)
    >>> [layer.out_channels for layer in encoder if hasattr(layer, "out_channels")]
    [32, 32, 64, 64]
    """
    return _convolutional(image_shape, (32, 32, 64, 64), (256,), n_components)


def burgess_conv(
    image_shape: Sequence[int], n_components: int
) -> tuple[nn.Sequential, nn.Sequential]:
    """Build the convolutional network of Burgess et al. 2018.

    Encoder: four convolutions of 32 channels, 4x4, stride 2, then 256 and 256 units,
    ReLU. The decoder is its transpose. The paper has it for dSprites, 64x64, with 10
    latents.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width); height and width are multiples of 16.

    n_components : int
        Number of latents.

    Returns
    -------
    encoder : Module
        From flat images to 2 n_components.

    decoder : Module
        From n_components to flat images.

    Raises
    ------
    ValueError
        If the height or the width is not a multiple of 16.

    Examples
    --------
    >>> from sk_bvae.nn import burgess_conv
    >>> encoder, decoder = burgess_conv((1, 64, 64), 10)
    >>> sum(weights.numel() for weights in encoder.parameters())
    252052
    """
    return _convolutional(image_shape, (32, 32, 32, 32), (256, 256), n_components)


def build_networks(
    network,
    n_features,
    n_components,
    *,
    hidden_layer_sizes,
    activation,
    image_shape,
    linear_path=False,
):
    """Build the encoder and decoder that an estimator's parameters ask for."""
    if network == "mlp":
        check_layer_sizes(hidden_layer_sizes)
        sizes = {"hidden_layer_sizes": hidden_layer_sizes, "activation": activation}
        return mlp(n_features, n_components, **sizes, linear_path=linear_path)
    if network == "higgins_fc":
        return higgins_fc(n_features, n_components)
    if network in CONVOLUTIONAL:
        shape = resolve_image_shape(image_shape, n_features)
        return CONVOLUTIONAL[network](shape, n_components)
    encoder, decoder = network(n_features, n_components)
    _check_widths(encoder, decoder, n_features, n_components)
    return encoder, decoder


def check_layer_sizes(hidden_layer_sizes):
    """Refuse what is no number of units."""
    for size in hidden_layer_sizes:
        if not isinstance(size, Integral) or size < 1:
            raise ValueError(
                f"hidden_layer_sizes={tuple(hidden_layer_sizes)} must be positive "
                f"integers, but {size!r} is not one."
            )


def resolve_image_shape(image_shape, n_features):
    """Complete an image shape to (channels, height, width), or say why it cannot be."""
    if image_shape is None:
        side = math.isqrt(n_features)
        if side**2 != n_features:
            raise ValueError(
                f"X has {n_features} features, which is no square grey image: pass "
                "image_shape=(height, width) or (channels, height, width)."
            )
        return 1, side, side
    if len(image_shape) not in (2, 3):
        raise ValueError(
            f"image_shape={tuple(image_shape)} must be (height, width) or (channels, "
            "height, width)."
        )
    shape = tuple(image_shape) if len(image_shape) == 3 else (1, *image_shape)
    if math.prod(shape) != n_features:
        raise ValueError(
            f"image_shape={tuple(image_shape)} makes {math.prod(shape)} values, but X "
            f"has {n_features} features."
        )
    return shape


def _dense(widths, activation, first=nn.Linear):
    layers = []
    for before, after in itertools.pairwise(widths):
        linear = nn.Linear if layers else first
        layers += [linear(before, after), activation()]
    return layers


def _convolutional(image_shape, channels, hidden_units, n_components):
    """Mirror 4x4 convolutions of stride 2 and dense layers, with ReLU in between."""
    depth, height, width = image_shape
    shrink = 2 ** len(channels)
    if height % shrink or width % shrink:
        wide, high = (shrink * math.ceil(side / shrink) for side in (width, height))
        raise ValueError(
            f"A convolutional network halves the image {len(channels)} times, so "
            f"height and width must be multiples of {shrink}; got {height}x{width}. "
            f"Pad to {high}x{wide}: numpy.pad(images, ((0, 0), (0, {high - height}), "
            f"(0, {wide - width}))) for images of shape (n, {height}, {width})."
        )
    inner_shape = (channels[-1], height // shrink, width // shrink)
    dense = [math.prod(inner_shape), *hidden_units]
    encoder = [
        nn.Unflatten(1, image_shape),
        *_strided(nn.Conv2d, [depth, *channels]),
        nn.Flatten(),
        *_dense(dense, nn.ReLU),
        LatentLinear(dense[-1], 2 * n_components),
    ]
    decoder = [
        *_dense([n_components, *reversed(dense)], nn.ReLU, LatentLinear),
        nn.Unflatten(1, inner_shape),
        *_strided(nn.ConvTranspose2d, [*reversed(channels), depth])[:-1],
        nn.Flatten(),
    ]
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def _strided(convolution, channels):
    layers = []
    for before, after in itertools.pairwise(channels):
        layers += [convolution(before, after, 4, stride=2, padding=1), nn.ReLU()]
    return layers


@torch.no_grad()
def _check_widths(encoder, decoder, n_features, n_components):
    """Run two blank rows through a user's networks, so that errors come early."""
    for name, module, width_in, width_out in [
        ("encoder", encoder, n_features, 2 * n_components),
        ("decoder", decoder, n_components, n_features),
    ]:
        module.eval()
        shape = tuple(module(torch.zeros(2, width_in)).shape)
        if shape != (2, width_out):
            raise ValueError(
                f"The {name} that `network` returned must map (n_samples, {width_in}) "
                f"to (n_samples, {width_out}); from (2, {width_in}) it made {shape}."
            )


CONVOLUTIONAL = {"higgins_conv": higgins_conv, "burgess_conv": burgess_conv}
