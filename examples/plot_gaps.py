"""
A table with half of its entries missing
========================================

A variational autoencoder can be fitted to what is observed alone: its likelihood is a
sum over the columns, and leaves out those of which a row says nothing. What it has
learned then fills the gaps, each with the mean of what it may hold, given what is there
in its row. Here half of breast cancer's thirty measurements of 569 tumours are taken
away at random, and four ways to fill them are compared.

Ten seconds on two cores.
"""

# %%
# The gaps
# --------
# Columns are standardised by what is known of all of them, and the mask is the one of
# the authors of MIWAE [1]_, so that the numbers can be laid beside theirs.

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler

from sk_bvae import BetaVAE

N_EPOCHS = 200

table = load_breast_cancer(as_frame=True).data
X = StandardScaler().set_output(transform="pandas").fit_transform(table)
n_missing = X.size // 2
missing = np.zeros(X.size, dtype=bool)
missing[np.random.RandomState(1234).choice(X.size, n_missing, replace=False)] = True
missing = missing.reshape(X.shape)
X_gaps = X.mask(missing)

# %%
# Four ways to fill them
# ----------------------
# ``BetaVAE`` takes the NaN as they are. ``beta=1`` makes it a model of the data and
# nothing else, which is what imputation needs. It is trained to the end: held-out rows
# would stop it when it is best at scoring rows, which is earlier.


def impute_by_vae(X):
    vae = BetaVAE(10, beta=1, early_stopping=False, max_iter=N_EPOCHS, random_state=0)
    return vae.fit(X).impute(X)


IMPUTERS = {
    "BetaVAE": impute_by_vae,
    "IterativeImputer": IterativeImputer(random_state=0).fit_transform,
    "KNNImputer": KNNImputer().fit_transform,
    "column means": SimpleImputer().fit_transform,
}

warnings.simplefilter("ignore", ConvergenceWarning)  # IterativeImputer's default
filled = {}
print("mean squared error of the filled entries, in variances of their columns")
for name, impute in IMPUTERS.items():
    start = time.perf_counter()
    filled[name] = np.asarray(impute(X_gaps))
    seconds = time.perf_counter() - start
    error = np.square(filled[name] - X.to_numpy())[missing].mean()
    print(f"  {name:18} {error:.3f}   {seconds:5.1f} s")
print("  MIWAE's authors    0.287   (published)")

# %%
# A row at a time
# ---------------
# What stands in a gap follows from the rest of the row: a tumour with a large radius
# has a large perimeter. Column means know nothing of that.

shown = ["mean perimeter", "mean smoothness", "worst concavity"]
fig, axes = plt.subplots(
    2, 3, figsize=(8, 5.4), sharex="col", sharey="col", layout="constrained"
)
for row, name in zip(axes, ["BetaVAE", "KNNImputer"], strict=True):
    for ax, column in zip(row, shown, strict=True):
        place = X.columns.get_loc(column)
        gaps = missing[:, place]
        true = X[column][gaps]
        ax.plot(true, filled[name][gaps, place], ".", alpha=0.4)
        ax.plot([true.min(), true.max()], [true.min(), true.max()], "k", lw=0.8)
        ax.set_title(f"{name}: {column}", fontsize=9)
axes[0, 0].set_ylabel("filled")
axes[1, 0].set_ylabel("filled")
for ax in axes[1]:
    ax.set_xlabel("true")
fig.savefig("plot_gaps.png", dpi=120)
print("\nThe picture is in plot_gaps.png")
plt.show()

# %%
# .. [1] P.-A. Mattei and J. Frellsen, "MIWAE: deep generative modelling and imputation
#    of incomplete data sets", ICML 2019.
