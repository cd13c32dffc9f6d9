"""
What each latent answers to
===========================

Figure 7 of the beta-VAE paper (Higgins et al., ICLR 2017) looks into the codes of a
beta-VAE, of a VAE and of InfoGAN: the mean of each latent at each place of the shape,
and along scale and orientation for each kind of shape. In the beta-VAE a latent answers
to x, or to y, or to scale, and is flat along the others. Here is the same picture of
the seed with the highest MIG of three: a picture shows one model, and what the others
score is printed beside it.

Images of 32x32 and networks of 256-256 units stand in for the paper's 64x64 and larger
networks. About five minutes on two cores.
"""

# %%
# A VAE, a beta-VAE and InfoGAN
# -----------------------------
# InfoGAN has five codes and five noise variables, as in the paper.

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed

from sk_bvae import BetaVAE, InfoGAN
from sk_bvae.datasets import make_shapes2d
from sk_bvae.inspection import LatentResponseDisplay, LatentTraversalDisplay
from sk_bvae.metrics import mutual_info_gap, mutual_info_matrix
from sk_bvae.model_selection import ReplicaGridSearch

IMAGE_SIZE = 32
N_IMAGES = 20_000
N_EPOCHS = 20
N_SEEDS = 3
TRAINING = {"hidden_layer_sizes": (256, 256), "batch_size": 128, "max_iter": N_EPOCHS}

images = make_shapes2d(N_IMAGES, image_size=IMAGE_SIZE, random_state=0)
search = ReplicaGridSearch(
    BetaVAE(10, likelihood="bernoulli", early_stopping=False, **TRAINING),
    {"beta": [1.0, 4.0]},
    n_replicas=N_SEEDS,
    n_jobs=2,
    random_state=0,
    return_estimators=True,
).fit(images.data)
gans = Parallel(n_jobs=2)(
    delayed(InfoGAN(5, n_noise=5, random_state=seed, **TRAINING).fit)(images.data)
    for seed in range(N_SEEDS)
)
FITTED = {
    "beta=1": search.estimators_[0],
    "beta=4": search.estimators_[1],
    "InfoGAN": gans,
}

# %%
# What a latent knows of each factor, in nats
# -------------------------------------------
# Of each kind the seed of the highest MIG, which is of all factors but the shape. What
# the latents carry in all is their KL, and for InfoGAN what the images that it makes
# itself say of its codes.

test = make_shapes2d(5000, image_size=IMAGE_SIZE, random_state=1)
names = [name.replace("_", " ") for name in test.factor_names]
models = {}
for label, seeds in FITTED.items():
    codes = [model.transform(test.data) for model in seeds]
    gaps = [mutual_info_gap(Z, test.target[:, 1:]) for Z in codes]
    best = np.argmax(gaps)
    model = models[label] = seeds[best]
    active, nats = model.n_active_components_, getattr(model, model.nats).sum()
    print(f"\n{label}, MIG of the seeds: " + ", ".join(f"{gap:.2f}" for gap in gaps))
    print(f"the highest has {active} active latents, {nats:.1f} nats")
    print(f"{'':6}" + "".join(f"{name:>13}" for name in names))
    known = mutual_info_matrix(codes[best], test.target)
    for latent in range(active):
        row = "".join(f"{value:13.2f}" for value in known[latent])
        print(f"  z{latent:<4}{row}")

# %%
# The responses
# -------------
# Rows are the latents of most nats. Everything that a panel does not show is averaged
# over: a latent that mixes x and y has a slanted map, and one that mixes position with
# scale has both a map and a curve.

for label, model in models.items():
    display = LatentResponseDisplay.from_estimator(
        model, images, latents=5, random_state=0
    )
    display.figure_.suptitle(label)
    name = label.lower().replace("=", "_")
    display.figure_.savefig(f"plot_higgins_responses_{name}.png", dpi=120)

# %%
# The traversals
# --------------
# From the codes of one image.

figure, panels = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
for panel, (label, model) in zip(panels, models.items(), strict=True):
    LatentTraversalDisplay.from_estimator(
        model, images.data, seed_row=test.data[3], latents=5, ax=panel
    )
    panel.set_title(label)
figure.savefig("plot_higgins_responses.png", dpi=120)
print("\nThe pictures are in plot_higgins_responses.png, and for each model in")
print("plot_higgins_responses_beta_1.png, _beta_4.png and _infogan.png")
plt.show()
