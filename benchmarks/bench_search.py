"""Time ReplicaGridSearch against fitting its replicas one after the other.

Thirty small models (six betas, five seeds) on digits, which train as one stack: against
thirty fits in the same process, and against GridSearchCV with two workers. And networks
of the papers on 64x64 images, whose arithmetic is the bound, so that the search fits
them one by one: against doing just that. All sides fit the same models for the same
number of epochs; the search also judges them. At last the measurement behind that
choice: how long an epoch of a stack takes, per net, against an epoch of a lone net, as
the operations in a step grow.

Run ``nox -s benchmarks``, or ``python benchmarks/bench_search.py digits``.
"""

import argparse
import resource
import sys
import time
import warnings
from statistics import median

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.estimators._fitting import make_rows, prepare
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.model_selection._trial import Trial
from sk_bvae.training.stack import Stack, Views

DIGITS = {
    "device": "cpu",
    "early_stopping": False,
    "hidden_layer_sizes": (128,),
    "batch_size": 64,
}
SIX_BETAS = {"beta": [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]}
IMAGES = {
    "device": "cpu",
    "likelihood": "bernoulli",
    "max_iter": 15,
    "early_stopping": False,
}
CASES = {
    "digits": (BetaVAE(max_iter=30, **DIGITS), SIX_BETAS, 5),
    "digits, short": (BetaVAE(max_iter=6, **DIGITS), SIX_BETAS, 5),
    "higgins_fc": (
        BetaVAE(network="higgins_fc", batch_size=256, **IMAGES),
        {"beta": [1.0, 4.0]},
        2,
    ),
    "burgess_conv": (
        BetaVAE(network="burgess_conv", batch_size=64, **IMAGES),
        {"beta": [1.0, 4.0]},
        2,
    ),
}
TARGETS = {
    "one by one": {"digits": 0.20, "digits, short": 0.25},
    "GridSearchCV": {"digits": 0.45},
}
TARGET_OF_IMAGES = 1.10


def make_data(case):
    if case.startswith("digits"):
        return (load_digits().data / 16).astype(np.float32)
    return make_shapes2d(1024 if case == "higgins_fc" else 512, random_state=0).data


def search_replicas(X, estimator, grid, n_replicas):
    ReplicaGridSearch(estimator, grid, n_replicas=n_replicas, random_state=0).fit(X)


def fit_one_by_one(X, estimator, grid, n_replicas):
    for beta in grid["beta"]:
        for seed in range(n_replicas):
            vae = BetaVAE(**{**estimator.get_params(), "beta": beta})
            vae.set_params(random_state=seed).fit(X)


def search_grid(X, estimator, grid, n_replicas):
    """Fit all models once on all rows, in two processes, without any scoring."""
    every_row = np.arange(len(X))
    GridSearchCV(
        estimator,
        {**grid, "random_state": list(range(n_replicas))},
        cv=[(every_row, every_row[:2])],
        scoring=lambda estimator, X: 0.0,
        refit=False,
        n_jobs=2,
    ).fit(X)


def seconds(function, *args):
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function(*args)
    return time.perf_counter() - start


def peak_memory():
    """Return the process's peak, in MB; macOS counts bytes."""
    unit = 1e-6 if sys.platform == "darwin" else 1.024e-3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def run_case(case, repeats):
    """Time everyone in turn, and print the medians of the ratios."""
    estimator, grid, n_replicas = CASES[case]
    X = make_data(case)
    rivals = {"one by one": fit_one_by_one}
    if case == "digits":
        rivals["GridSearchCV"] = search_grid
    short = BetaVAE(**{**estimator.get_params(), "max_iter": 1})
    seconds(fit_one_by_one, X, short, {"beta": [1.0]}, 1)
    before = peak_memory()
    seconds(search_replicas, X, short, grid, n_replicas)
    print(f"{case}: a search raises the peak by {peak_memory() - before:.0f} MB")
    for rival in rivals.values():
        seconds(rival, X, short, grid, n_replicas)
    ratios = {name: [] for name in rivals}
    for _ in range(repeats):
        for name, rival in rivals.items():
            own = seconds(search_replicas, X, estimator, grid, n_replicas)
            ratios[name].append(own / seconds(rival, X, estimator, grid, n_replicas))
    for name, values in ratios.items():
        target = TARGETS[name].get(case, TARGET_OF_IMAGES)
        print(
            f"{case:13} search / {name:12} median {median(values):5.2f}   "
            f"(min {min(values):.2f}, max {max(values):.2f}, {repeats} runs, "
            f"target {target:.2f})",
            flush=True,
        )


# Columns of the data, and what makes the steps of the networks small or large.
STEPS = [
    (64, {"hidden_layer_sizes": (128,), "batch_size": 64}),
    (64, {"hidden_layer_sizes": (128, 128), "batch_size": 256}),
    (1024, {"hidden_layer_sizes": (128, 128), "batch_size": 64}),
    (1024, {"hidden_layer_sizes": (256, 256), "batch_size": 64}),
    (1024, {"hidden_layer_sizes": (128, 128), "batch_size": 256}),
    (1024, {"hidden_layer_sizes": (512, 512), "batch_size": 64}),
]


def compare_epochs(n_features, params, n_nets=10, repeats=5):
    """Time an epoch of a stack, per net, over an epoch of a lone net."""
    X = np.random.default_rng(0).random((1024, n_features), dtype=np.float32)
    vaes = [
        BetaVAE(device="cpu", random_state=seed, **params) for seed in range(n_nets)
    ]
    rows = make_rows(vaes[0], X)
    stack = Stack([prepare(vae, rows) for vae in vaes])
    views = Views([rows] * n_nets)
    net = prepare(vaes[0], rows)

    def lone_epoch():
        net.on_epoch_begin(net)
        batches = net.get_iterator(rows, training=True)
        net.run_single_epoch(batches, True, "train", net.train_step)

    ratios = []
    for _ in range(repeats + 1):
        together = seconds(stack.train_epoch, views)
        ratios.append(together / n_nets / seconds(lone_epoch))
    flops = Trial(vaes[0], n_features).step_flops(params["batch_size"])
    print(
        f"{flops / 1e6:6.0f} million operations a step: {n_nets} nets in a stack / "
        f"alone {median(ratios[1:]):.2f}   ({n_features} columns, {params})",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=CASES, help=", ".join(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    for case in options.cases:
        run_case(case, options.repeats)
    for n_features, params in STEPS:
        compare_epochs(n_features, params)


if __name__ == "__main__":
    main()
