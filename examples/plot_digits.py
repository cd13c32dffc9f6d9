"""
BetaVAE beside PCA and FastICA
==============================

The same Pipeline with three decompositions in one slot, on two data sets that ship
with scikit-learn: handwritten digits and the breast cancer table. How well do ten
components rebuild the data, how likely do they find rows that they have not seen, and
how much is left for a classifier? Then a search over beta, and a picture.
"""

# %%
# Two data sets and three decompositions
# --------------------------------------
# A VAE is fitted by gradient descent, so columns of different units are standardised
# first, as one would for PCA. Pixels share their unit.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA, FastICA
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sk_bvae import BetaVAE
from sk_bvae.inspection import LatentTraversalDisplay

N_COMPONENTS = 10
DATA = {
    "digits": (load_digits(return_X_y=True), FunctionTransformer(lambda X: X / 16)),
    "breast cancer": (load_breast_cancer(return_X_y=True), StandardScaler()),
}


def decompositions():
    # FastICA multiplies each component by the sign of its first entry. Where the first
    # column is constant, as the corner of the digits is, that entry is rounding noise,
    # and a component whose entry is an exact 0 vanishes: which do depends on the CPU.
    varying = VarianceThreshold()
    ica = FastICA(N_COMPONENTS, max_iter=2000, tol=1e-2, random_state=0)
    return {
        "PCA": PCA(N_COMPONENTS),
        "FastICA": make_pipeline(varying, ica),
        "BetaVAE(beta=1)": BetaVAE(N_COMPONENTS, beta=1, random_state=0),
        "BetaVAE(beta=4)": BetaVAE(N_COMPONENTS, beta=4, random_state=0),
    }


# %%
# What each makes of rows it has not seen
# ---------------------------------------
# `score` is the mean log-likelihood, in nats: exact for PCA, a lower bound for the
# VAE. FastICA has no density. A larger beta pays for fewer and more independent
# latents with a poorer reconstruction.


def evaluate(decomposition, scaler, X, y):
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    pipeline = make_pipeline(scaler, decomposition).fit(X_train)
    scaled = scaler.transform(X_test)
    rebuilt = decomposition.inverse_transform(decomposition.transform(scaled))
    has_density = hasattr(decomposition, "score")
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    classifier.fit(pipeline.transform(X_train), y_train)
    return {
        "error": np.mean((rebuilt - scaled) ** 2) / np.mean(scaled.var(axis=0)),
        "score": f"{decomposition.score(scaled):.2f}" if has_density else "none",
        "accuracy": classifier.score(pipeline.transform(X_test), y_test),
        "active": getattr(decomposition, "n_active_components_", N_COMPONENTS),
    }


print(f"{'':33}{'unexplained':>12}{'log p(x)':>10}{'accuracy':>10}{'active':>8}")
for name, ((X, y), scaler) in DATA.items():
    for label, decomposition in decompositions().items():
        result = evaluate(decomposition, scaler, X, y)
        print(
            f"{name:15}{label:18}{result['error']:12.3f}{result['score']:>10}"
            f"{result['accuracy']:10.3f}{result['active']:8d}",
            flush=True,
        )

# %%
# Searching over beta
# -------------------
# A step of a Pipeline like any other: here beta is chosen by what a linear classifier
# can read from the latents.

(X, y), scaler = DATA["digits"]
search = GridSearchCV(
    make_pipeline(
        scaler,
        BetaVAE(N_COMPONENTS, max_iter=20, random_state=0),
        LogisticRegression(max_iter=2000),
    ),
    {"betavae__beta": [0.25, 1, 4]},
    cv=3,
).fit(X, y)
print("\nAccuracy of digits by beta, three folds")
for beta, accuracy in zip(
    search.cv_results_["param_betavae__beta"],
    search.cv_results_["mean_test_score"],
    strict=True,
):
    print(f"  beta={beta:<5} {accuracy:.3f}")

# %%
# What the latents mean
# ---------------------
# One row per latent, the most informative first: what the decoder draws as the latent
# goes from -3 to 3 and the others stay at 0. PCA's components are drawn the same way,
# in their own standard deviations.

pixels = scaler.fit_transform(X)
models = {
    "BetaVAE, beta=4": BetaVAE(N_COMPONENTS, beta=4, random_state=0),
    "PCA": PCA(N_COMPONENTS),
}
figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for panel, (title, model) in zip(panels, models.items(), strict=True):
    LatentTraversalDisplay.from_estimator(
        model.fit(pixels), pixels, latents=6, ax=panel
    )
    panel.set_title(title)

figure.savefig("plot_digits.png", dpi=120)
print("\nThe picture is in plot_digits.png")
plt.show()
