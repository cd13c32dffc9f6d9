"""
How many latents, and at what beta
==================================

Figure 6 (right) of the beta-VAE paper (Higgins et al., ICLR 2017) scores models over
the number of latents M and over the normalised beta, beta M / N for images of N pixels:
along beta the score is an inverted U, and more latents want a larger normalised beta.
Here it is measured on small images of an ellipse that moves and grows.

A part of the finding is in the definition. Where both terms of the loss are sums, as
here and in the paper's formula, a surplus latent is switched off and costs nothing, and
the beta that suits the data does not depend on M; so the normalised one grows with M.

About three minutes on two cores.
"""

# %%
# A grid of models
# ----------------
# Four numbers of latents, six betas, three seeds of each.

import matplotlib.pyplot as plt
import numpy as np

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.metrics import beta_vae_score, mutual_info_gap
from sk_bvae.model_selection import ReplicaGridSearch

BETAS = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
SIZES = [3, 5, 10, 20]
N_IMAGES = 2000
N_EPOCHS = 80
N_POINTS = 300
N_PIXELS = 16 * 16


def ellipses(seed):
    data = make_shapes2d(
        N_IMAGES, image_size=16, shapes=["ellipse"], n_orientations=1, random_state=seed
    )
    return data.data, data.target[:, [1, 3, 4]]  # scale, position x, position y


X, factors = ellipses(0)
vae = BetaVAE(
    likelihood="bernoulli",
    hidden_layer_sizes=(64,),
    learning_rate_init=0.01,
    batch_size=128,
    max_iter=N_EPOCHS,
    early_stopping=False,
)
search = ReplicaGridSearch(
    vae,
    {"n_components": SIZES, "beta": BETAS.tolist()},
    n_replicas=3,
    scoring="mig",
    n_jobs=2,
    random_state=0,
    return_estimators=True,
).fit(X, factors)

# %%
# Scores
# ------
# The paper's score and MIG, medians over the seeds, on images that the models have not
# seen.

X_new, factors_new = ellipses(1)


def scores(model):
    Z = model.transform(X_new)
    higgins = beta_vae_score(
        Z,
        factors_new,
        initial_weights="random",
        n_train=N_POINTS,
        n_test=N_POINTS,
        random_state=0,
    )
    return 100 * higgins, mutual_info_gap(Z, factors_new)


measured = np.array([[scores(model) for model in row] for row in search.estimators_])
where = {
    (params["n_components"], params["beta"]): row
    for row, params in enumerate(search.cv_results_["params"])
}
medians = np.array(
    [[np.median(measured[where[m, b]], axis=0) for b in BETAS] for m in SIZES]
)
active = search.cv_results_["mean_n_active_components"]


def show(title, table, digits):
    print(f"\n{title:18}" + "".join(f"{f'beta={beta:g}':>10}" for beta in BETAS))
    for m, row in zip(SIZES, table, strict=True):
        cells = "".join(f"{value:10.{digits}f}" for value in row)
        print(f"{m:3} latents       {cells}")


show("Higgins score, %", medians[..., 0], 0)
show("MIG", medians[..., 1], 2)
show("active latents", [[active[where[m, beta]] for beta in BETAS] for m in SIZES], 1)
print("\nbest by MIG")
for m, row in zip(SIZES, medians[..., 1], strict=True):
    best = BETAS[row.argmax()]
    print(f"{m:3} latents: beta {best:g}, normalised {best * m / N_PIXELS:.2f}")

# %%
# The picture
# -----------
# The score over the normalised beta, a line for each number of latents.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
colours = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(SIZES)))
for column, (ax, name) in enumerate(
    zip(axes, ["Higgins score, %", "MIG"], strict=True)
):
    for m, row, colour in zip(SIZES, medians[..., column], colours, strict=True):
        ax.plot(BETAS * m / N_PIXELS, row, marker="o", ms=4, color=colour, label=m)
    ax.set(xscale="log", xlabel="normalised beta, beta M / N", ylabel=name)
    ax.spines[["top", "right"]].set_visible(False)
axes[1].legend(title="latents M", frameon=False, fontsize=8, title_fontsize=8)
figure.savefig("plot_higgins_latent_size.png", dpi=120)
print("\nThe picture is in plot_higgins_latent_size.png")
plt.show()
