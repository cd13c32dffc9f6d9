"""The presets are the papers', layer by layer."""

import pytest
import torch
from torch import nn

from sk_bvae.nn import burgess_conv, higgins_conv, higgins_fc, mlp
from sk_bvae.nn._networks import build_networks, resolve_image_shape


def layers(module):
    """Describe a network: ('linear', in, out), ('conv', in, out), an activation."""
    for layer in module:
        if isinstance(layer, nn.Linear):
            yield "linear", layer.in_features, layer.out_features
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert layer.kernel_size == (4, 4)
            assert layer.stride == (2, 2)
            kind = "conv" if isinstance(layer, nn.Conv2d) else "deconv"
            yield kind, layer.in_channels, layer.out_channels
        elif not isinstance(layer, nn.Flatten | nn.Unflatten):
            yield type(layer).__name__


def n_parameters(module):
    return sum(weights.numel() for weights in module.parameters())


def test_higgins_fc():
    encoder, decoder = higgins_fc(4096, 10)
    assert list(layers(encoder)) == [
        ("linear", 4096, 1200),
        "ReLU",
        ("linear", 1200, 1200),
        "ReLU",
        ("linear", 1200, 20),
    ]
    assert list(layers(decoder)) == [
        ("linear", 10, 1200),
        "Tanh",
        ("linear", 1200, 1200),
        "Tanh",
        ("linear", 1200, 1200),
        "Tanh",
        ("linear", 1200, 4096),
    ]
    assert n_parameters(encoder) == 4097 * 1200 + 1201 * 1200 + 1201 * 20
    assert n_parameters(decoder) == 11 * 1200 + 2 * 1201 * 1200 + 1201 * 4096


@pytest.mark.parametrize("channels", [1, 3])
def test_higgins_conv(channels):
    encoder, decoder = higgins_conv((channels, 64, 64), 32)
    assert list(layers(encoder)) == [
        ("conv", channels, 32),
        "ReLU",
        ("conv", 32, 32),
        "ReLU",
        ("conv", 32, 64),
        "ReLU",
        ("conv", 64, 64),
        "ReLU",
        ("linear", 1024, 256),
        "ReLU",
        ("linear", 256, 64),
    ]
    assert list(layers(decoder)) == [
        ("linear", 32, 256),
        "ReLU",
        ("linear", 256, 1024),
        "ReLU",
        ("deconv", 64, 64),
        "ReLU",
        ("deconv", 64, 32),
        "ReLU",
        ("deconv", 32, 32),
        "ReLU",
        ("deconv", 32, channels),
    ]
    convolutions = (16 * channels + 1) * 32 + 513 * 32 + 513 * 64 + 1025 * 64
    assert n_parameters(encoder) == convolutions + 1025 * 256 + 257 * 64


def test_burgess_conv():
    encoder, decoder = burgess_conv((1, 64, 64), 10)
    convolutions = [("conv", 1, 32), *[("conv", 32, 32)] * 3]
    mirrored = [*[("deconv", 32, 32)] * 3, ("deconv", 32, 1)]
    assert list(layers(encoder)) == [
        *[entry for layer in convolutions for entry in (layer, "ReLU")],
        ("linear", 512, 256),
        "ReLU",
        ("linear", 256, 256),
        "ReLU",
        ("linear", 256, 20),
    ]
    assert list(layers(decoder)) == [
        ("linear", 10, 256),
        "ReLU",
        ("linear", 256, 256),
        "ReLU",
        ("linear", 256, 512),
        "ReLU",
        *[entry for layer in mirrored for entry in (layer, "ReLU")][:-1],
    ]
    dense = 513 * 256 + 257 * 256 + 257 * 20
    assert n_parameters(encoder) == 17 * 32 + 3 * 513 * 32 + dense


@pytest.mark.parametrize("build", [higgins_conv, burgess_conv])
@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 32, 48), (1, 16, 16)])
def test_convolutions_take_and_give_flat_images(build, shape):
    encoder, decoder = build(shape, 5)
    n_features = shape[0] * shape[1] * shape[2]
    assert encoder(torch.zeros(2, n_features)).shape == (2, 10)
    assert decoder(torch.zeros(2, 5)).shape == (2, n_features)


@pytest.mark.parametrize("build", [higgins_conv, burgess_conv])
def test_convolutions_refuse_sizes_that_do_not_halve(build):
    with pytest.raises(ValueError, match=r"multiples of 16; got 28x32"):
        build((1, 28, 32), 5)


def test_mlp_mirrors_its_layers():
    encoder, decoder = mlp(7, 2, hidden_layer_sizes=(5, 3), activation="tanh")
    hidden = [("linear", 7, 5), "Tanh", ("linear", 5, 3), "Tanh"]
    assert list(layers(encoder)) == [*hidden, ("linear", 3, 4)]
    mirrored = [("linear", 2, 3), "Tanh", ("linear", 3, 5), "Tanh"]
    assert list(layers(decoder)) == [*mirrored, ("linear", 5, 7)]


def test_image_shapes_are_completed():
    assert resolve_image_shape(None, 64) == (1, 8, 8)
    assert resolve_image_shape((4, 6), 24) == (1, 4, 6)
    assert resolve_image_shape((3, 4, 2), 24) == (3, 4, 2)


@pytest.mark.parametrize(
    ("shape", "message"),
    [(None, "65 features, which is no square"), ((8, 9), "makes 72 values, but X has")],
)
def test_image_shapes_that_do_not_fit_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        resolve_image_shape(shape, 65)


@pytest.mark.parametrize(
    ("encoder", "decoder", "wrong"),
    [
        (nn.Linear(4, 2), nn.Linear(2, 4), "encoder"),
        (nn.Linear(4, 4), nn.Linear(2, 5), "decoder"),
    ],
)
def test_networks_of_the_wrong_width_are_refused(encoder, decoder, wrong):
    with pytest.raises(ValueError, match=f"The {wrong} that `network` returned"):
        build_networks(
            lambda n_features, n_components: (encoder, decoder),
            4,
            2,
            hidden_layer_sizes=(),
            activation="relu",
            image_shape=None,
        )
