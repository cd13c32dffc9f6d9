"""The players of InfoGAN, and the networks that they are made of."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sk_bvae.nn._networks import (
    ACTIVATIONS,
    Activation,
    _dense,
    check_layer_sizes,
    resolve_image_shape,
)
from sk_bvae.nn._precision import MixedPrecision, MixedSequential

# A generator, the trunk of a discriminator, and the two heads that share it.
GANModules: TypeAlias = tuple[nn.Module, nn.Module, nn.Module, nn.Module]
GANNetwork: TypeAlias = (
    Literal["mlp", "higgins_gan", "lin_gan"] | Callable[[int, int, int], GANModules]
)

# The slope of leaky ReLU where its input is negative.
SLOPE = 0.2


class Generator(MixedPrecision):
    """Makes rows of codes and of noise.

    Parameters
    ----------
    network : Module
        Maps (n_samples, n_components + n_noise) to rows between -1 and 1.

    n_components : int
        Codes, which are uniform on (-1, 1).

    n_noise : int
        Noise variables, which are standard normal.
    """

    def __init__(self, network: nn.Module, n_components: int, n_noise: int) -> None:
        super().__init__()
        self.network = network
        self.n_components = n_components
        self.n_noise = n_noise
        # Where each code that a user sees stands among the network's own.
        self.register_buffer("order", torch.arange(n_components))
        # The middle of the data's range and half its length, which is 0 until known.
        self.register_buffer("center", torch.zeros(()))
        self.register_buffer("half_range", torch.zeros(()))

    def adapt(self, low: float, high: float) -> None:
        """Take the range of the data for that from -1 to 1.

        Parameters
        ----------
        low : float
            The smallest of all values.

        high : float
            The largest.
        """
        self.center.fill_(low / 2 + high / 2)
        self.half_range.fill_(high / 2 - low / 2)

    @property
    def n_latents(self) -> int:
        """How many codes and noise variables there are."""
        return self.n_components + self.n_noise

    @property
    def adapted(self) -> bool:
        """Whether the range of the data is known."""
        return bool(self.half_range > 0)

    @property
    def scale(self) -> Tensor:
        """What 1 stands for, in the data's units."""
        return torch.where(self.half_range > 0, self.half_range, 1.0)

    def standardize(self, x: Tensor) -> Tensor:
        """Map rows of data to what the networks see, from -1 to 1."""
        return (x - self.center) / self.scale

    def latents(self, draws: Tensor) -> Tensor:
        """Turn draws from N(0, 1) into codes, by the normal distribution, and noise."""
        codes, noise = draws.split([self.n_components, self.n_noise], dim=-1)
        return torch.cat([torch.erf(codes / math.sqrt(2)), noise], dim=-1)

    def forward(self, latents: Tensor) -> Tensor:
        """Make rows from -1 to 1 of latents in the network's order."""
        return self.run(self.network, latents)

    def draw(self, draws: Tensor) -> Tensor:
        """Make rows of data of draws from N(0, 1)."""
        return self._in_units(self(self.latents(draws)))

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Make rows of data of codes in the users' order, with noise at 0."""
        own = codes[:, self.order.argsort()]
        return self._in_units(self(F.pad(own, (0, self.n_noise))))

    def _in_units(self, rows):
        return torch.addcmul(self.center, self.scale, rows)


class Discriminator(MixedPrecision):
    """Tells rows of data from those of a generator.

    Parameters
    ----------
    trunk : Module
        Maps rows to what both heads see, the recognition's and this one's.

    judge : Module
        Maps that to (n_samples, 1): the log odds that a row is one of the data.
    """

    def __init__(self, trunk: nn.Module, judge: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.judge = judge

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return log odds, one for each row, and what the recognition sees."""
        features = self.run(self.trunk, x)
        return self.run(self.judge, features).squeeze(-1), features


def infer_codes(players, x):
    """Infer the codes of rows of data, in the users' order."""
    generator = players["generator"]
    _, features = players["discriminator"](generator.standardize(x))
    return players["recognition"](features)[:, generator.order]


def squared_errors(players, draws):
    """Say how far off the codes of rows are inferred, which are made of draws."""
    generator = players["generator"]
    codes = generator.latents(draws)[:, generator.order]
    return (infer_codes(players, generator.draw(draws)) - codes).square()


class SpectralNorm(nn.Module):
    """A layer whose weight is divided by its largest singular value (Miyato 2018).

    One step of power iteration at each call in training. torch's own writes its
    buffers in a way that `torch.func.vmap` does not follow.

    Parameters
    ----------
    layer : Linear or Conv2d
        A layer without bias, which comes after the division.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        n_out = len(layer.weight)
        self.bias = nn.Parameter(torch.zeros(n_out, *[1] * (layer.weight.dim() - 2)))
        self.register_buffer("direction", F.normalize(torch.randn(n_out), dim=0))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        with torch.autocast(x.device.type, enabled=False):  # a norm has to be exact
            largest = self._largest_singular_value(self.layer.weight.flatten(1))
        return self.layer(x) / largest + self.bias

    def _largest_singular_value(self, weight):
        with torch.no_grad():
            right = F.normalize(weight.mT @ self.direction, dim=0)
            left = F.normalize(weight @ right, dim=0)
            if self.training:
                self.direction.copy_(left)
        return left @ weight @ right


def gan_mlp(
    n_features: int,
    n_components: int,
    n_noise: int,
    *,
    hidden_layer_sizes: Sequence[int],
    activation: Activation,
) -> GANModules:
    """Build multilayer perceptrons for `InfoGAN`.

    Parameters
    ----------
    n_features : int
        Columns of the data.

    n_components : int
        Number of codes.

    n_noise : int
        Number of noise variables.

    hidden_layer_sizes : sequence of int
        Units of the trunk's hidden layers; the generator has them in reverse. Empty
        makes everything affine, but for the generator's last tanh.

    activation : {"identity", "logistic", "relu", "silu", "tanh"}
        What follows each hidden layer.

    Returns
    -------
    generator : Module
        From n_components + n_noise to n_features, between -1 and 1 by a tanh.

    trunk : Module
        From n_features to what both heads see.

    judge : Module
        From there to one number, the log odds that a row is of the data.

    recognition : Module
        From there to n_components, the codes.

    Examples
    --------
    >>> from sk_bvae.nn import gan_mlp
    >>> sizes = {"hidden_layer_sizes": (8,), "activation": "relu"}
    >>> generator, trunk, judge, recognition = gan_mlp(4, 2, 3, **sizes)
    >>> generator[0].in_features, recognition.out_features
    (5, 2)
    """
    there = [n_features, *hidden_layer_sizes]
    back = [n_components + n_noise, *reversed(hidden_layer_sizes)]
    layer = ACTIVATIONS[activation]
    generator = [*_dense(back, layer), nn.Linear(back[-1], n_features), nn.Tanh()]
    trunk = nn.Sequential(*_dense(there, layer))
    heads = nn.Linear(there[-1], 1), nn.Linear(there[-1], n_components)
    return nn.Sequential(*generator), trunk, *heads


def higgins_gan(
    image_shape: Sequence[int], n_components: int, n_noise: int
) -> GANModules:
    """Build the networks of InfoGAN in Higgins et al. 2017, table 1, 2D shapes.

    Generator: 256 and 256 units, then convolutions from 128 and 64 channels, 4x4,
    stride 2, which each double the image. The trunk mirrors it, with leaky ReLU; the
    recognition has 128 units on it. Batch normalisation everywhere but in the
    generator's last layer and the trunk's first (appendix A.2). The table leaves open
    what lies between units and channels: here a layer that makes the image's quarter
    of them.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width), (1, 64, 64) in the paper; height and width are
        multiples of 4.

    n_components : int
        Number of codes; 5 in the paper.

    n_noise : int
        Number of noise variables; 5 in the paper.

    Returns
    -------
    generator, trunk, judge, recognition : Module
        As `gan_mlp` has them.

    Raises
    ------
    ValueError
        If the height or the width is not a multiple of 4.

    Examples
    --------
    >>> from sk_bvae.nn import higgins_gan
    >>> generator, trunk, judge, recognition = higgins_gan((1, 16, 16), 5, 5)
    >>> [layer.out_channels for layer in trunk if hasattr(layer, "out_channels")]
    [64, 128]
    """
    depth, height, width = _check_halvings(image_shape, 2)
    inner = 128, height // 4, width // 4
    n_inner = math.prod(inner)
    generator = [
        *_normed([n_components + n_noise, 256, 256, n_inner]),
        nn.Unflatten(1, inner),
        nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, depth, 4, stride=2, padding=1),
        nn.Tanh(),
        nn.Flatten(),
    ]
    trunk = [
        nn.Unflatten(1, (depth, height, width)),
        nn.Conv2d(depth, 64, 4, stride=2, padding=1),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(64, 128, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(SLOPE),
        nn.Flatten(),
        *_normed([n_inner, 256, 256], lambda: nn.LeakyReLU(SLOPE)),
    ]
    recognition = [
        *_normed([256, 128], lambda: nn.LeakyReLU(SLOPE)),
        nn.Linear(128, n_components),
    ]
    judge = nn.Linear(256, 1)
    return (
        nn.Sequential(*generator),
        nn.Sequential(*trunk),
        judge,
        nn.Sequential(*recognition),
    )


def lin_gan(image_shape: Sequence[int], n_components: int, n_noise: int) -> GANModules:
    """Build the networks of InfoGAN in Lin et al. 2020, which train more steadily.

    Generator: 128 units, then convolutions from 64, 64, 32 and 32 channels, 4x4,
    stride 2, ReLU and then batch normalisation. Trunk: convolutions of 32, 32, 64 and
    64 channels, 128 units, leaky ReLU; the recognition has 128 units on it. All of
    the last two, and the judge, have spectral normalisation. The paper, which has
    these networks for 64x64, weighs the information by 0.05 and has a step size of
    2e-3 in the discriminator.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width), (1, 64, 64) in the paper; height and width are
        multiples of 16.

    n_components : int
        Number of codes; 5 in the paper.

    n_noise : int
        Number of noise variables; 5 in the paper.

    Returns
    -------
    generator, trunk, judge, recognition : Module
        As `gan_mlp` has them.

    Raises
    ------
    ValueError
        If the height or the width is not a multiple of 16.

    Examples
    --------
    >>> from sk_bvae.nn import lin_gan
    >>> generator, trunk, judge, recognition = lin_gan((1, 64, 64), 5, 5)
    >>> generator[0].in_features
    10
    """
    depth, height, width = _check_halvings(image_shape, 4)
    inner = 64, height // 16, width // 16
    n_inner = math.prod(inner)
    generator = []
    for before, after in [(n_components + n_noise, 128), (128, n_inner)]:
        generator += [nn.Linear(before, after), nn.ReLU(), nn.BatchNorm1d(after)]
    generator.append(nn.Unflatten(1, inner))
    for before, after in [(64, 64), (64, 32), (32, 32)]:
        convolution = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
        generator += [convolution, nn.ReLU(), nn.BatchNorm2d(after)]
    generator.append(nn.ConvTranspose2d(32, depth, 4, stride=2, padding=1))
    generator += [nn.Tanh(), nn.Flatten()]
    trunk = [nn.Unflatten(1, (depth, height, width))]
    for before, after in [(depth, 32), (32, 32), (32, 64), (64, 64)]:
        convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
        trunk += [SpectralNorm(convolution), nn.LeakyReLU(SLOPE)]
    trunk += [nn.Flatten(), _steady(n_inner, 128), nn.LeakyReLU(SLOPE)]
    recognition = _steady(128, 128), nn.LeakyReLU(SLOPE), _steady(128, n_components)
    return (
        nn.Sequential(*generator),
        nn.Sequential(*trunk),
        _steady(128, 1),
        nn.Sequential(*recognition),
    )


def build_players(network, n_features, n_components, n_noise, *, image_shape, **sizes):
    """Build the players that an estimator's parameters ask for."""
    n_latents = n_components, n_noise
    if network == "mlp":
        check_layer_sizes(sizes["hidden_layer_sizes"])
        modules = gan_mlp(n_features, *n_latents, **sizes)
    elif network in CONVOLUTIONAL_GANS:
        shape = resolve_image_shape(image_shape, n_features)
        modules = CONVOLUTIONAL_GANS[network](shape, *n_latents)
    else:
        modules = network(n_features, *n_latents)
        _check_shapes(modules, n_features, *n_latents)
    generator, trunk, judge, recognition = modules
    return {
        "generator": Generator(generator, *n_latents),
        "discriminator": Discriminator(trunk, judge),
        "recognition": MixedSequential(recognition),
    }


@torch.no_grad()
def _check_shapes(modules, n_features, n_components, n_noise):
    """Run two blank rows through a user's modules, so that errors come early."""
    generator, trunk, judge, recognition = (module.eval() for module in modules)
    rows = generator(torch.zeros(2, n_components + n_noise))
    features = trunk(torch.zeros(2, n_features))
    for name, made, width in [
        ("generator", rows, n_features),
        ("judge", judge(features), 1),
        ("recognition", recognition(features), n_components),
    ]:
        if tuple(made.shape) != (2, width):
            raise ValueError(
                f"The {name} that `network` returned must make the shape (n_samples, "
                f"{width}); of two rows it made {tuple(made.shape)}."
            )


def _check_halvings(image_shape, n_halvings):
    depth, height, width = image_shape
    shrink = 2**n_halvings
    if height % shrink or width % shrink:
        raise ValueError(
            f"This network halves the image {n_halvings} times, so height and width "
            f"must be multiples of {shrink}; got {height}x{width}."
        )
    return depth, height, width


def _normed(widths, activation=nn.ReLU):
    """Make dense layers with batch normalisation, which has the bias."""
    layers = []
    for before, after in itertools.pairwise(widths):
        linear = nn.Linear(before, after, bias=False)
        layers += [linear, nn.BatchNorm1d(after), activation()]
    return layers


def _steady(n_in, n_out):
    return SpectralNorm(nn.Linear(n_in, n_out, bias=False))


CONVOLUTIONAL_GANS = {"higgins_gan": higgins_gan, "lin_gan": lin_gan}
