"""
Penguins: numbers and categories in one model
=============================================

Four measurements of 333 penguins, their species, their island and their sex. PCA on the
one-hot matrix takes zeros and ones for numbers; a list of likelihoods takes categories
for what they are. Both are given three latents here, and are compared by what they hold
for likely, by what they rebuild, and by the penguins that they make up.

Half a minute on two cores.
"""

# %%
# From a table to likelihoods
# ---------------------------
# The number of categories need not be known: the columns that the encoder makes of one
# category begin with its name. ``set_output`` keeps the names.

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from palmerpenguins import load_penguins
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sk_bvae import BetaVAE
from sk_bvae.inspection import LatentTraversalDisplay

N_FOLDS = 5
N_EPOCHS = 200
NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
CATEGORIES = ["species", "island", "sex"]

penguins = load_penguins()[NUMBERS + CATEGORIES].dropna()


def encoder():
    return make_column_transformer(
        (StandardScaler(), NUMBERS),
        (OneHotEncoder(sparse_output=False), CATEGORIES),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")


def vae():
    one_hot = [make_column_selector(f"^{name}_") for name in CATEGORIES]
    return BetaVAE(
        3,
        beta=1,
        likelihood=[("gaussian", NUMBERS), *(("categorical", own) for own in one_hot)],
        max_iter=N_EPOCHS,
        random_state=0,
    )


# %%
# What is likely
# --------------
# The VAE's ``score`` is the density of four numbers times the probability of three
# categories. PCA's is a density of twelve numbers, of which eight are only ever 0 or 1.
# It becomes comparable when it is divided by what PCA gives to *all* combinations of
# categories, whatever the numbers: then the probabilities of the combinations add up to
# 1 for PCA, too.
#
# Beside it, on the same held-out rows: the share of the categories that come back
# right from three latents, and the share of the numbers' variance.

N_NUMBERS = len(NUMBERS)


def groups_of(rows):
    """Find the columns of each category."""
    return {name: rows.filter(regex=f"^{name}_") for name in CATEGORIES}


def log_p_of_pca(pca, rows):
    """Average the log density of rows, of which one-hot columns must be one-hot."""
    sizes = [group.shape[1] for group in groups_of(rows).values()]
    codes = [np.concatenate(each) for each in product(*map(np.eye, sizes))]
    mean, covariance = pca.mean_[N_NUMBERS:], pca.get_covariance()
    of_codes = multivariate_normal(mean, covariance[N_NUMBERS:, N_NUMBERS:])
    return pca.score(rows) - logsumexp(of_codes.logpdf(codes))


def log_p_of_vae(model, rows):
    return model.score(rows)


def rebuilt(model, rows):
    """Compare rows with what three latents make of them."""
    decoded = model.inverse_transform(model.transform(rows))
    decoded = pd.DataFrame(decoded, columns=rows.columns)
    right = [
        np.mean(own.to_numpy().argmax(axis=1) == group.to_numpy().argmax(axis=1))
        for own, group in zip(
            groups_of(decoded).values(), groups_of(rows).values(), strict=True
        )
    ]
    errors = (decoded[NUMBERS].to_numpy() - rows[NUMBERS].to_numpy()) ** 2
    return np.mean(right), 1 - errors.mean()


print(f"{'held-out rows':15}{'log p, nats':>13}{'categories':>12}{'numbers':>9}")
for name, make, log_p in [
    ("PCA(3)", lambda: PCA(3), log_p_of_pca),
    ("BetaVAE(3)", vae, log_p_of_vae),
]:
    scores = []
    for train, test in KFold(N_FOLDS, shuffle=True, random_state=0).split(penguins):
        encode = encoder().fit(penguins.iloc[train])
        model = make().fit(encode.transform(penguins.iloc[train]))
        rows = encode.transform(penguins.iloc[test])
        scores.append([log_p(model, rows), *rebuilt(model, rows)])
    nats, right, kept = np.mean(scores, axis=0)
    print(f"{name:15}{nats:13.2f}{right:12.1%}{kept:9.1%}")

# %%
# Three latents of the VAE make the held-out penguins more likely by a nat, which is to
# say 2.9 times. They rebuild a little less, because they carry no more than is worth
# its nats: nobody can tell an Adelie's island by its bill.
#
# Penguins that there are not
# ---------------------------
# Gentoos live on Biscoe, and Chinstraps on Dream. Of what is drawn from a model, how
# much lives where nobody of its species was seen? PCA draws numbers; the largest of a
# category's columns is taken for its choice.

pipeline = make_pipeline(encoder(), vae()).fit(penguins)
encoded = pipeline[:-1].transform(penguins)
pca = PCA(3).fit(encoded)
rng = np.random.default_rng(0)
drawn = {
    "PCA(3)": rng.multivariate_normal(pca.mean_, pca.get_covariance(), 10_000),
    "BetaVAE(3)": pipeline[-1].sample(10_000, random_state=0),
}
homes = set(zip(penguins["species"], penguins["island"], strict=True))
print()
for name, rows in drawn.items():
    rows = pd.DataFrame(rows, columns=encoded.columns)
    chosen = {
        category: group.idxmax(axis=1).str.removeprefix(f"{category}_")
        for category, group in groups_of(rows).items()
    }
    pairs = zip(chosen["species"], chosen["island"], strict=True)
    astray = np.mean([pair not in homes for pair in pairs])
    valid = (rows.iloc[:, N_NUMBERS:].isin([0, 1])).all(axis=1).mean()
    print(f"{name:11} rows that are one-hot {valid:6.1%}, away from home {astray:5.1%}")

# %%
# What a latent stands for
# ------------------------
# A ``ColumnTransformer`` cannot be inverted, so displays get the model and what it was
# fitted on. Each cell shows one column as one latent goes from -3 to 3: a probability
# for the columns of a category, in standard deviations of the column.

display = LatentTraversalDisplay.from_estimator(pipeline[-1], encoded)
display.figure_.savefig("plot_penguins_traversal.png", dpi=120, bbox_inches="tight")

# %%
# The latents beside PCA's components
# -----------------------------------
# Two components leave Chinstraps among Adelies; two latents hardly do.

COLOURS = {"Adelie": "tab:orange", "Chinstrap": "tab:purple", "Gentoo": "tab:green"}

figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.8), layout="constrained")
for ax, name, codes in [
    (axes[0], "PCA: component", pca.transform(encoded)),
    (axes[1], "BetaVAE: latent", pipeline.transform(penguins)),
]:
    for species, colour in COLOURS.items():
        for sex, marker in {"female": "o", "male": "^"}.items():
            own = (penguins["species"] == species) & (penguins["sex"] == sex)
            ax.scatter(
                *codes[own, :2].T,
                s=14,
                marker=marker,
                color=colour,
                alpha=0.6,
                label=f"{species}, {sex}",
            )
    ax.set(xlabel=f"{name} 0", ylabel=f"{name} 1")
axes[0].legend(frameon=False, fontsize=7)
figure.savefig("plot_penguins.png", dpi=120)
print("\nThe pictures are in plot_penguins.png and plot_penguins_traversal.png")
plt.show()
