"""
A blob: two factors, two latents, no labels
===========================================

A spot moves over an image of 16x16 pixels. Two numbers made each image, the place along
x and along y, and a representation that *disentangles* has a latent for each. Whether a
beta-VAE finds them depends on beta and, as much, on the seed. So 24 models are fitted
here at once, and one is chosen without labels, by how far each agrees with the others
of its beta (UDR). The labels come in only afterwards, to say how good the choice was.

About half a minute on two cores.
"""

# %%
# Twenty-four models, and one of them
# -----------------------------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_blobs2d
from sk_bvae.inspection import LatentResponseDisplay, LatentTraversalDisplay
from sk_bvae.metrics import mutual_info_gap
from sk_bvae.model_selection import ReplicaGridSearch

N_EPOCHS = 150
N_REPLICAS = 6

blobs = make_blobs2d(1000, image_size=16, std=0.1, random_state=0)
vae = BetaVAE(
    n_components=5,
    likelihood="bernoulli",
    hidden_layer_sizes=(64, 64),
    learning_rate_init=0.005,
    batch_size=64,
    max_iter=N_EPOCHS,
    early_stopping=False,
)
search = ReplicaGridSearch(
    vae,
    {"beta": [0.5, 1, 2, 4]},
    n_replicas=N_REPLICAS,
    random_state=0,
    return_estimators=True,
).fit(blobs.data)
chosen = search.best_estimator_
print(f"chosen of {4 * N_REPLICAS} models: {search.best_params_}")
print(f"nats per latent: {chosen.kl_.round(1)}")

# %%
# Was it a good choice?
# ---------------------
# The mutual information gap (MIG) is 1 if each factor is known to one latent and to no
# other, and 0 if two latents know as much of it. It is measured on new images.

new = make_blobs2d(2000, image_size=16, std=0.1, random_state=1)


def mig(model):
    return mutual_info_gap(model.transform(new.data), new.target)


every = [mig(model) for models in search.estimators_ for model in models]
print(f"\nMIG of the chosen model   {mig(chosen):.2f}")
print(f"median of all models      {np.median(every):.2f}")
print(f"two components of PCA     {mig(PCA(2).fit(blobs.data)):.2f}")

# %%
# The picture
# -----------
# Left, what the decoder draws as a latent goes from -3 to 3: one moves the spot up, the
# other moves it across. Right, the mean of the same latents for each place of the spot.

figure = plt.figure(figsize=(9.5, 2.6), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[7, 3])
LatentTraversalDisplay.from_estimator(chosen, new.data, latents=2, ax=left.subplots())
LatentResponseDisplay.from_estimator(
    chosen, new, latents=2, ax=right.subplots(2, 1, squeeze=False)
)
figure.savefig("plot_blob.png", dpi=120)
print("\nThe picture is in plot_blob.png")
plt.show()
