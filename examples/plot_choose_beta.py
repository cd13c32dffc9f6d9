"""
Choosing beta without labels
============================

Which beta disentangles? With known factors one would score every model against them.
Without, there is a clue: models that disentangle agree with each other up to the order
and the sign of their latents, and models that do not, entangle each in a way of its
own. The unsupervised disentanglement ranking (UDR) measures that agreement, so it needs
several seeds for each beta. `ReplicaGridSearch` trains them together. Here it chooses
beta on images of a moving and growing ellipse, without labels; then the labels show
whether it was right.

About a minute on two cores.
"""

# %%
# Thirty models without a label
# -----------------------------
# Six betas, five seeds each. The weights of all thirty are stacked and trained as one
# model, which takes about a sixth of the time of thirty fits.

import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import spearmanr

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.metrics import mutual_info_gap
from sk_bvae.model_selection import ReplicaGridSearch

BETAS = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
N_REPLICAS = 5
N_IMAGES = 1500
N_LABELLED = 3000
N_EPOCHS = 100
SHAPES = {"image_size": 16, "shapes": ["ellipse"], "n_orientations": 1}

images = make_shapes2d(N_IMAGES, random_state=0, **SHAPES)
vae = BetaVAE(
    n_components=5,
    likelihood="bernoulli",
    hidden_layer_sizes=(64,),
    learning_rate_init=0.01,
    batch_size=128,
    max_iter=N_EPOCHS,
    early_stopping=False,
)
start = time.perf_counter()
search = ReplicaGridSearch(
    vae,
    {"beta": BETAS},
    n_replicas=N_REPLICAS,
    random_state=0,
    return_estimators=True,
).fit(images.data)
print(f"{len(BETAS) * N_REPLICAS} models in {time.perf_counter() - start:.0f} s")
print(f"UDR chooses {search.best_params_}, replica {search.best_replica_}")

# %%
# Was it right?
# -------------
# The mutual information gap (MIG) says with labels how far each factor is known to one
# latent only; here of every model, on other images of the same kind. A small beta
# leaves the factors spread over many latents, a large one leaves no latent alive.

labelled = make_shapes2d(N_LABELLED, random_state=1, **SHAPES)
factors = labelled.target[:, [1, 3, 4]]  # scale, position x, position y
mig = np.array(
    [
        [mutual_info_gap(model.transform(labelled.data), factors) for model in row]
        for row in search.estimators_
    ]
)
results = search.cv_results_
udr = np.array([results[f"replica{r}_score"] for r in range(N_REPLICAS)]).T

print(f"\n{'beta':>6}{'UDR':>8}{'MIG':>8}{'KL':>8}{'active':>8}")
for row, beta in enumerate(BETAS):
    print(
        f"{beta:6g}{np.median(udr[row]):8.2f}{np.median(mig[row]):8.2f}"
        f"{results['mean_kl'][row]:8.1f}"
        f"{results['mean_n_active_components'][row]:8.1f}"
    )
defined = np.isfinite(udr)
rho = spearmanr(udr[defined], mig[defined]).statistic
print(f"rank correlation of UDR with MIG over the models: {rho:.2f}")
chosen = np.median(mig[search.best_index_])
best = np.median(mig, axis=1).max()
print(f"median MIG of the chosen beta: {chosen:.2f}; of the best beta: {best:.2f}")

# %%
# The picture
# -----------

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
colours = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(BETAS)))
for row, beta in enumerate(BETAS):
    axes[0].scatter(udr[row], mig[row], color=colours[row], label=f"{beta:g}", s=24)
axes[0].set(xlabel="UDR, without labels", ylabel="MIG, with labels")
axes[0].legend(title="beta", fontsize=8, title_fontsize=8)
for name, values in {"UDR": udr, "MIG": mig}.items():
    axes[1].plot(BETAS, np.median(values, axis=1), marker="o", label=name)
axes[1].axvline(search.best_params_["beta"], color="0.7", zorder=0)
axes[1].set(xscale="log", xlabel="beta (grey: chosen)", ylabel="median over seeds")
axes[1].set_xticks(BETAS, [f"{beta:g}" for beta in BETAS])
axes[1].minorticks_off()
axes[1].legend(fontsize=8)
axes[2].plot(results["mean_kl"], results["mean_reconstruction"], color="0.7", zorder=0)
axes[2].scatter(results["mean_kl"], results["mean_reconstruction"], color=colours)
axes[2].set(xlabel="KL, nats", ylabel="reconstruction, nats")
figure.savefig("plot_choose_beta.png", dpi=120)
print("\nThe picture is in plot_choose_beta.png")
plt.show()
