"""
Which factors are worth their nats first
========================================

Why would a growing capacity disentangle? Because factors are not equally worth their
price: a nat spent on where a shape stands saves more pixels than a nat spent on how it
is turned. Burgess et al. (2018, figure 3) show it with a model that is *given* the
factors. Each factor goes through a noisy channel of its own, a decoder draws the image
from what comes out, and the channels share a total of C nats. As C grows, position
takes the first nats, then scale, then shape and orientation. Here is that experiment.

The images are 32x32 (64x64 in the paper), and the decoder is a small perceptron. Four
to five minutes on two cores.
"""

# %%
# Images and their factors in one row
# -----------------------------------
# A row holds the pixels and, after them, the five factors between 0 and 1. Orientation
# is an angle, whose ends look the same, so it stands there as its cosine and sine.

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from sk_bvae import CapacityVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.nn import Bernoulli, mlp

IMAGE_SIZE = 32
N_IMAGES = 20_000
N_EPOCHS = 32
N_SEEDS = 3
CAPACITY = 25.0
N_PIXELS = IMAGE_SIZE**2

shapes = make_shapes2d(N_IMAGES, image_size=IMAGE_SIZE, random_state=0)
shape, scale, turn, x, y = (shapes.target / (np.array(shapes.factor_sizes) - 1)).T
cosine, sine = (1 + np.cos(2 * np.pi * turn)) / 2, (1 + np.sin(2 * np.pi * turn)) / 2
factors = np.column_stack([shape, scale, cosine, sine, x, y])
NAMES = [name.replace("_", " ") for name in shapes.factor_names]
OF_COLUMN = np.repeat(NAMES, [1, 1, 2, 1, 1])
N_COLUMNS = len(OF_COLUMN)
X = np.hstack([shapes.data, factors]).astype(np.float32)

# %%
# A channel for each factor
# -------------------------
# The encoder multiplies each factor by a gain and adds noise, both learned. It sees no
# pixel. The likelihood is of the pixels only, so that factors need not be rebuilt. The
# KL of a channel from the prior is then how much of *its* factor gets through.


class Channels(nn.Module):
    """Factors, centred and of unit variance, times a gain; and log variances."""

    stride = 10.0  # so that ten nats are not ten thousand of Adam's steps away

    def __init__(self):
        super().__init__()
        self.register_buffer("center", torch.tensor(factors.mean(0)).float())
        self.register_buffer("spread", torch.tensor(factors.std(0)).float())
        self.gain = nn.Parameter(torch.full((N_COLUMNS,), 0.01))
        self.log_variance = nn.Parameter(torch.zeros(N_COLUMNS))

    def forward(self, x):
        standard = (x[:, N_PIXELS:] - self.center) / self.spread
        log_variance = (self.stride * self.log_variance).expand_as(standard)
        return torch.cat([self.stride * self.gain * standard, log_variance], dim=1)


def channels_and_decoder(n_features, n_components):
    layers = {"hidden_layer_sizes": (256, 256), "activation": "relu"}
    decoder = mlp(N_PIXELS, n_components, **layers)[1]
    # nothing is drawn for the factors' columns, and nothing compared with them
    return Channels(), nn.Sequential(decoder, nn.ZeroPad1d((0, N_COLUMNS)))


class BernoulliOfPixels(Bernoulli):
    """Bernoulli likelihood of all columns but the factors."""

    def nll(self, output, x):
        return super().nll(output[..., :N_PIXELS], x[..., :N_PIXELS])


# %%
# Three seeds, a growing capacity
# -------------------------------
# C grows from 0 to 25 nats over the whole fit. The seeds train as one model.

model = CapacityVAE(
    N_COLUMNS,
    capacity=CAPACITY,
    capacity_ramp=1.0,
    gamma=100,
    network=channels_and_decoder,
    likelihood=BernoulliOfPixels(),
    learning_rate_init=1e-3,
    max_iter=N_EPOCHS,
)
search = ReplicaGridSearch(
    model,
    {"capacity": [CAPACITY]},
    n_replicas=N_SEEDS,
    scoring=lambda model, X, y: -model.history_["reconstruction"][-1],
    random_state=0,
    return_estimators=True,
).fit(X)
models = search.estimators_[0]

# %%
# Latents come ordered by their KL. Which factor one carries, its codes tell: they are
# that factor, up to a gain.


def kl_of_factors(model):
    """Return the KL of each factor's channels after each epoch."""
    codes = model.transform(X[:2000])
    both = np.corrcoef(codes.T, factors[:2000].T)[:N_COLUMNS, N_COLUMNS:]
    kl = model.history_["kl"][:, np.abs(both).argmax(axis=0)]
    return np.column_stack([kl[:, name == OF_COLUMN].sum(axis=1) for name in NAMES])


kl = np.array([kl_of_factors(model) for model in models])
capacity = models[0].history_["capacity"]

# %%
# Who comes when
# --------------
# The capacity at which a factor has taken half a nat, and what each has at some
# capacities: the median of the seeds.


def capacity_at(kl, nats):
    """Find the first capacity at which a channel carries some nats."""
    return capacity[np.argmax(kl >= nats)] if kl.max() >= nats else np.inf


onset = np.array([[capacity_at(curve, 0.5) for curve in seed.T] for seed in kl])
marks = [3, 7, 15, 24]
print(
    f"{'nats at C =':14}"
    + "".join(f"{mark:7}" for mark in marks)
    + "   half a nat at C"
)
for factor in np.median(onset, axis=0).argsort():
    shown = [np.median(kl[:, np.argmin(abs(capacity - c)), factor]) for c in marks]
    each = ", ".join(f"{value:.1f}" for value in onset[:, factor])
    print(
        f"{NAMES[factor]:14}"
        + "".join(f"{value:7.2f}" for value in shown)
        + f"   {np.median(onset[:, factor]):4.1f}  ({each})"
    )
print("published order: position, then scale, then shape and orientation")
error = np.median([model.history_["reconstruction"] for model in models], axis=0)
print(f"reconstruction: {error[0]:.0f} nats at C = {capacity[0]:.1f}, ", end="")
print(f"{error[-1]:.0f} at C = {capacity[-1]:.0f}")

# %%
# The picture
# -----------

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for factor, name in enumerate(NAMES):
    (line,) = axes[0].plot(capacity, np.median(kl[..., factor], axis=0), label=name)
    for seed in kl:
        axes[0].plot(
            capacity, seed[:, factor], color=line.get_color(), alpha=0.3, lw=0.8
        )
axes[0].set(xlabel="C, nats", ylabel="KL of the factor, nats")
axes[0].legend(frameon=False)
axes[1].plot(capacity, error, color="black")
axes[1].set(xlabel="C, nats", ylabel="reconstruction, nats")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("plot_burgess_factors.png", dpi=120)
print("\nThe picture is in plot_burgess_factors.png")
plt.show()
