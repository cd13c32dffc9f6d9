"""
beta is the slope of reconstruction against KL
==============================================

Appendix A.7 of the beta-VAE paper (Higgins et al., ICLR 2017): among models that are
the best at their KL, one more nat of KL buys beta nats of reconstruction. So beta is a
price, and a curve of models of several betas says of each price what it buys. Here the
slope between neighbours on that curve is measured and laid beside the betas.

About a minute on two cores.
"""

# %%
# Models of several prices
# ------------------------
# Small images of an ellipse that moves and grows. At each beta the seed with the lowest
# loss stands for the best that the network can do.

import matplotlib.pyplot as plt
import numpy as np

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.inspection import RateDistortionDisplay
from sk_bvae.model_selection import ReplicaGridSearch

BETAS = [0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0]
N_IMAGES = 1500
N_EPOCHS = 200

images = make_shapes2d(
    N_IMAGES, image_size=16, shapes=["ellipse"], n_orientations=1, random_state=0
)
vae = BetaVAE(
    5,
    likelihood="bernoulli",
    hidden_layer_sizes=(64, 64),
    learning_rate_init=2e-3,
    batch_size=128,
    max_iter=N_EPOCHS,
    early_stopping=False,
)
search = ReplicaGridSearch(
    vae, {"beta": BETAS}, n_replicas=3, scoring="elbo", random_state=0
).fit(images.data)

# %%
# Slopes
# ------
# Between two neighbours the slope has to lie between their two betas: the curve is
# convex, and each beta is its slope at one of the two ends.

replicas = range(search.n_replicas)
results = search.cv_results_
kl = np.array([results[f"replica{r}_kl"] for r in replicas])
error = np.array([results[f"replica{r}_reconstruction"] for r in replicas])
best = (error + np.array(BETAS) * kl).argmin(axis=0)
kl, error = (values[best, np.arange(len(BETAS))] for values in (kl, error))
slopes = -np.diff(error) / np.diff(kl)

print(f"{'beta':>6}{'KL, nats':>10}{'reconstruction, nats':>22}")
for beta, rate, distortion in zip(BETAS, kl, error, strict=True):
    print(f"{beta:6g}{rate:10.2f}{distortion:22.2f}")
print(f"\n{'between betas':>16}{'measured slope':>16}")
for low, high, slope in zip(BETAS, BETAS[1:], slopes, strict=False):
    inside = "inside" if low <= slope <= high else "outside"
    print(f"{low:9g} and {high:g}{slope:16.2f}  {inside}")

# %%
# The picture
# -----------
# The curve, and the slopes over the betas that they lie between.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
RateDistortionDisplay.from_estimator(search, ax=axes[0])
axes[1].stairs(slopes, BETAS, baseline=None, color="tab:blue", label="measured slope")
axes[1].plot(BETAS, BETAS, color="black", linestyle=":", label="beta")
axes[1].set(xlabel="beta", ylabel="nats of reconstruction per nat of KL")
axes[1].legend(frameon=False)
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("plot_higgins_slope.png", dpi=120)
print("\nThe picture is in plot_higgins_slope.png")
plt.show()
