"""
Latents that come alive as capacity grows
=========================================

Burgess et al. (2018, figure 4) train with ``gamma |KL - C|`` and let C grow: at first
the model draws a blur in the right place, then its scale is right, then its shape, and
each time another latent has come alive. A beta-VAE stops somewhere on this way, where
the next latent is not worth beta times its nats. Here the stages are shown for one
model, and the two objectives are compared at the same number of nats.

Images of 32x32 and a network of 256-256 units stand in for the paper's 64x64 and
convolutions. About four minutes on two cores.
"""

# %%
# Two betas, and the nats that they spend
# ---------------------------------------

import matplotlib.pyplot as plt
import numpy as np

from sk_bvae import BetaVAE, CapacityVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.inspection import (
    LatentTraversalDisplay,
    ReconstructionDisplay,
    TrainingDisplay,
)
from sk_bvae.metrics import mutual_info_gap
from sk_bvae.model_selection import ReplicaGridSearch

IMAGE_SIZE = 32
N_IMAGES = 20_000
N_EPOCHS = 16
N_SEEDS = 2

images = make_shapes2d(N_IMAGES, image_size=IMAGE_SIZE, random_state=0)
test = make_shapes2d(2000, image_size=IMAGE_SIZE, random_state=1)
common = {
    "n_components": 10,
    "likelihood": "bernoulli",
    "hidden_layer_sizes": (256, 256),
    "learning_rate_init": 1e-3,
    "batch_size": 128,
    "max_iter": N_EPOCHS,
    "early_stopping": False,
}


def gap(model, X, factors):
    return mutual_info_gap(model.transform(X), factors[:, 1:])


def fit_replicas(model, grid):
    search = ReplicaGridSearch(
        model,
        grid,
        n_replicas=N_SEEDS,
        n_jobs=2,
        scoring=gap,
        random_state=0,
        return_estimators=True,
    )
    return search.fit(images.data, images.target)


betas = [4.0, 1.0]
by_beta = fit_replicas(BetaVAE(**common), {"beta": betas})
spent = by_beta.cv_results_["mean_kl"]

# %%
# The same nats as capacities
# ---------------------------
# gamma is large enough to hold the KL within a nat of C, and no larger: nats are sooner
# had by a shift that all rows share than by what tells them apart. C reaches its end
# half-way through the training.

capacities = [3.0, *spent.round(1).tolist()]
by_capacity = fit_replicas(CapacityVAE(gamma=20, **common), {"capacity": capacities})

# %%
# Measured
# --------


def report(name, search, row):
    results = search.cv_results_
    mig = [gap(model, test.data, test.target) for model in search.estimators_[row]]
    print(
        f"{name:15}{results['mean_kl'][row]:9.1f}"
        f"{results['mean_reconstruction'][row]:16.1f}"
        f"{results['mean_n_active_components'][row]:16.1f}{np.mean(mig):7.2f}"
    )


print(f"{'':15}{'KL, nats':>9}{'reconstruction':>16}{'active latents':>16}{'MIG':>7}")
for row, beta in enumerate(betas):
    report(f"beta={beta:g}", by_beta, row)
for row, capacity in enumerate(capacities):
    report(f"capacity={capacity:g}", by_capacity, row)

# %%
# The stages
# ----------
# Above, images and what is rebuilt of them at each capacity; below, traversals of the
# four latents of largest KL, from the codes of the square.

models = [row[0] for row in by_capacity.estimators_]
figure, panels = plt.subplots(
    *(2, len(models)),
    figsize=(11, 3.3),
    height_ratios=[1, 2],
    layout="compressed",
)
for (above, below), model, capacity in zip(panels.T, models, capacities, strict=True):
    ReconstructionDisplay.from_estimator(model, test.data, n_samples=7, ax=above)
    above.set_title(f"C = {capacity:g} nats")
    LatentTraversalDisplay.from_estimator(
        model, images.data, seed_row=test.data[3], latents=4, ax=below
    )
figure.savefig("plot_burgess_traversals.png", dpi=120)

# %%
# How they came alive
# -------------------
# The KL of each latent as C grows, in the model of the largest capacity.

display = TrainingDisplay.from_estimator(models[-1])
display.figure_.savefig("plot_burgess_traversals_training.png", dpi=120)
print(
    "\nThe pictures are in plot_burgess_traversals.png and "
    "plot_burgess_traversals_training.png"
)
plt.show()
