"""
The beta-VAE paper's table of scores, and what came after
=========================================================

Figure 6 (left) of the beta-VAE paper (Higgins et al., ICLR 2017) lays a VAE and a
beta-VAE beside PCA, ICA and an untrained network, and scores each by whether a linear
classifier can tell from its codes which factor was held still: 61.58 % for the VAE,
99.23 % for the beta-VAE. Here the rows are measured again, with the paper's protocol of
30 scores. With them stand three models that came later, beta-TCVAE, DIP-VAE and
FactorVAE, and a VAE whose codes FastICA turns; and three scores that ask for one code
per factor, MIG, DCI and the FactorVAE score, which Lin et al. (ICML 2020, table 1)
published for four of the models.

Images of 32x32 and a network of 256-256 units stand in for the papers' 64x64 and
larger networks, because those do not train in minutes on a CPU. Twenty to thirty
minutes on two cores, most of them for FactorVAE's discriminator of six layers of 1,000
units. ``SK_BVAE_EXAMPLES=short`` in the environment makes it a few seconds, with
numbers that mean nothing, and ``full`` takes the papers' sizes and ten seeds: days on a
CPU.
"""

# %%
# Twenty-five fits
# ----------------
# Five seeds of each model, on 20,000 images of the whole range of all five factors: in
# twelve epochs, 1,875 steps of 128 images.
#
# The weights are the papers' for 2D shapes, and not tuned: beta 4 for the beta-VAE and
# 6 for beta-TCVAE, 10 for FactorVAE, the lower end of its paper's 10 to 40, and 10 for
# DIP-VAE. That one is of kind "ii", which draws the covariance of q(z) to the identity.
# Kind "i" asks it of the posteriors' means, which puts all ten latents to use where
# there are five factors; on two seeds it scored no worse.

import os

import matplotlib.pyplot as plt
import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.decomposition import PCA, FastICA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sk_bvae import DIPVAE, BetaTCVAE, BetaVAE, FactorVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.metrics import (
    beta_vae_score,
    dci_score,
    factor_vae_score,
    higgins_protocol,
    mutual_info_gap,
)
from sk_bvae.nn import higgins_fc

SIZE = os.environ.get("SK_BVAE_EXAMPLES", "default")
IMAGE_SIZE = 64 if SIZE == "full" else 32
N_IMAGES = {"short": 400, "default": 20_000, "full": None}[SIZE]
N_EPOCHS = {"short": 2, "default": 12, "full": 30}[SIZE]
SEEDS = range({"short": 2, "default": 5, "full": 10}[SIZE])
N_CLASSIFIERS, N_POINTS, N_PAIRS = (1, 40, 4) if SIZE == "short" else (3, 400, 64)
N_CODES = 10
TRAINING = {
    "n_components": N_CODES,
    "likelihood": "bernoulli",
    "hidden_layer_sizes": (256, 256),
    "batch_size": 128,
    "max_iter": N_EPOCHS,
    "early_stopping": False,
    **({"network": "higgins_fc"} if SIZE == "full" else {}),
}

images = make_shapes2d(N_IMAGES, image_size=IMAGE_SIZE, random_state=0)

# The slowest first, so that neither core is left with it at the end.
MODELS = {
    "FactorVAE": lambda seed: FactorVAE(gamma=10.0, random_state=seed, **TRAINING),
    "VAE + FastICA": lambda seed: make_pipeline(
        BetaVAE(beta=1.0, random_state=seed, **TRAINING),
        # the default tolerance is not reached: no way to turn codes that carry nothing
        # is the best
        FastICA(tol=0.01, random_state=seed),
    ),
    "beta-VAE": lambda seed: BetaVAE(beta=4.0, random_state=seed, **TRAINING),
    "beta-TCVAE": lambda seed: BetaTCVAE(beta=6.0, random_state=seed, **TRAINING),
    "DIP-VAE-II": lambda seed: DIPVAE(
        kind="ii", lambda_off_diagonal=10.0, random_state=seed, **TRAINING
    ),
}
fits = iter(
    Parallel(n_jobs=2)(
        delayed(make(seed).fit)(images.data)
        for make in MODELS.values()
        for seed in SEEDS
    )
)
fitted = {name: [next(fits) for _ in SEEDS] for name in MODELS}
# The VAE that FastICA turns is also a row of its own.
fitted["VAE"] = [pipeline[0] for pipeline in fitted["VAE + FastICA"]]

# %%
# What they are laid beside
# -------------------------
# PCA, the first ten of fifty independent components, and the encoder as it was drawn,
# with Glorot's weights. What these rows depend on is told in
# :ref:`sphx_glr_auto_examples_plot_baselines.py`. Each is a function from images to
# codes.

few = make_shapes2d(
    400 if SIZE == "short" else 10_000, image_size=IMAGE_SIZE, random_state=1
).data.astype(np.float32)


def principal_components(seed):
    return make_pipeline(as_floats, PCA(N_CODES, random_state=seed)).fit(few).transform


def independent_components(seed):
    # PCA whitens, not FastICA: that would multiply each of its components by the sign
    # of the entry of the first column, which behind a PCA is rounding noise, and so
    # would start, and end, elsewhere on every CPU.
    whiten = PCA(50, whiten=True, random_state=seed)
    ica = FastICA(whiten=False, tol=0.01, random_state=seed)
    first_ten = FunctionTransformer(lambda Z: Z[:, :N_CODES])
    return make_pipeline(as_floats, whiten, ica, first_ten).fit(few).transform


def untrained_network(seed):
    torch.manual_seed(seed)
    encoder, _ = higgins_fc(IMAGE_SIZE**2, N_CODES)
    for layer in encoder[::2]:
        torch.nn.init.xavier_uniform_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return lambda X: (
        encoder(torch.tensor(X, dtype=torch.float32))[:, :N_CODES].detach().numpy()
    )


as_floats = FunctionTransformer(lambda X: X.astype(np.float32))
BASELINES = {
    "PCA": [principal_components(seed=0)],
    "ICA": [independent_components(seed=0)],
    "untrained": [untrained_network(seed=0)],
}
WEIGHTS = {
    "VAE": "beta",
    "VAE + FastICA": "betavae__beta",
    "beta-VAE": "beta",
    "beta-TCVAE": "beta",
    "DIP-VAE-II": "lambda_off_diagonal",
    "FactorVAE": "gamma",
}
ROWS = BASELINES | {
    name: [model.transform for model in fitted[name]] for name in WEIGHTS
}

# %%
# What was published: the Higgins score in the beta-VAE paper, the others by Lin et al.,
# who trained each model for 300,000 steps of 64 images, and FactorVAE with a weight
# of 40.

HIGGINS = {
    "PCA": (84.9, 0.4),
    "ICA": (42.03, 10.6),
    "untrained": (44.14, 2.5),
    "VAE": (61.58, 0.5),
    "beta-VAE": (99.23, 0.1),
}
LIN = {  # MIG, DCI's disentanglement, FactorVAE score
    "VAE": (0.10, 0.30, 0.63),
    "beta-VAE": (0.21, 0.41, 0.63),
    "beta-TCVAE": (0.45, 0.29, 0.62),
    "FactorVAE": (0.43, 0.74, 0.82),
}

# %%
# Scores
# ------
# Three classifiers for each representation, on fresh images; the worse half of the
# scores is dropped and the mean of the others reported, as in the paper. The other
# scores are of all five factors, on 10,000 images that no model has seen, and medians
# over the seeds. DCI, which fits 100 trees for each class of each factor, takes fewer
# images, and factors of few classes.

test = make_shapes2d(
    200 if SIZE == "short" else 10_000, image_size=IMAGE_SIZE, random_state=2
)
N_DCI = 100 if SIZE == "short" else 1000
coarse = test.target // ([2, 3, 20, 16, 16] if SIZE == "short" else [1, 2, 10, 8, 8])


def higgins(transform, seed):
    return 100 * beta_vae_score(
        transform,
        images,
        factors=[1, 2, 3, 4],
        initial_weights="random",
        n_pairs=N_PAIRS,
        n_train=N_POINTS,
        n_test=N_POINTS,
        max_iter=30 if SIZE == "short" else 3000,
        random_state=seed,
    )


def one_code_per_factor(Z):
    """Measure MIG, DCI's disentanglement, the FactorVAE score, and the rest of DCI."""
    dci = dci_score(Z[:N_DCI], coarse[:N_DCI], random_state=0)
    return (
        mutual_info_gap(Z, test.target),
        dci.disentanglement,
        factor_vae_score(Z, test.target, random_state=0),
        dci.completeness,
        dci.informativeness,
    )


shown, others = {}, {}
for name, transforms in ROWS.items():
    with Parallel(n_jobs=2, prefer="threads") as parallel:
        scores = parallel(
            delayed(higgins)(transform, N_CLASSIFIERS * number + seed)
            for number, transform in enumerate(transforms)
            for seed in range(N_CLASSIFIERS)
        )
    with Parallel(n_jobs=2) as parallel:
        parts = parallel(
            delayed(one_code_per_factor)(transform(test.data))
            for transform in transforms
        )
    shown[name], others[name] = higgins_protocol(scores), np.array(parts)

print(f"{'Higgins score, %':16}{'weight':>8}{'measured':>14}{'published':>16}")
for name, row in shown.items():
    weight = fitted[name][0].get_params()[WEIGHTS[name]] if name in WEIGHTS else "-"
    measured = f"{row.mean:.1f} +-{row.std:4.1f}"
    published = "{} +-{}".format(*HIGGINS[name]) if name in HIGGINS else "-"
    print(f"{name:16}{weight:>8}{measured:>14}{published:>16}")

print(f"\n{'(published)':16}{'MIG':>6}{'DCI D':>13}{'FactorVAE':>13}{'C':>13}{'I':>6}")
for name, parts in others.items():
    line = f"{name:16}"
    for column, value in enumerate(np.median(parts, axis=0)):
        line += f"{value:6.2f}"
        if column < 3:
            line += f" ({LIN[name][column]:.2f})" if name in LIN else f"{'(-)':>7}"
    print(line)

print("\nMIG of each seed")
for name in WEIGHTS:
    print(f"{name:16}" + "".join(f"{value:7.3f}" for value in others[name][:, 0]))

# %%
# The picture
# -----------

figure, axes = plt.subplots(1, 3, figsize=(10, 3.8), layout="constrained", sharey=True)
places = np.arange(len(ROWS))
means, stds = zip(*((row.mean, row.std) for row in shown.values()), strict=True)
axes[0].barh(places, means, xerr=stds, color="tab:blue", label="measured")
axes[0].axvline(25, color="black", linewidth=0.8, linestyle=":")
axes[0].set(xlabel="Higgins score, % (dotted: chance)", xlim=(0, 105))
for column, ax in enumerate(axes[1:]):
    for place, parts in zip(places, others.values(), strict=True):
        values = parts[:, column]
        ax.scatter(values, np.full(len(values), place), s=18, color="tab:blue")
        ax.scatter(np.median(values), place, s=160, marker="|", color="black")
axes[1].set(xlabel="MIG, each seed and the median")
axes[2].set(xlabel="DCI's disentanglement, the same")
published = (
    {name: mean for name, (mean, _) in HIGGINS.items()},
    {name: mig for name, (mig, _, _) in LIN.items()},
    {name: dci for name, (_, dci, _) in LIN.items()},
)
for ax, values in zip(axes, published, strict=True):
    at = [list(ROWS).index(name) for name in values]
    ax.plot(list(values.values()), at, "D", color="tab:orange", label="published")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_yticks(places, list(ROWS))
axes[0].invert_yaxis()
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
figure.savefig("plot_higgins_scores.png", dpi=120)
print("\nThe picture is in plot_higgins_scores.png")
plt.show()
