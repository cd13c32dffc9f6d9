"""Choose CapacityVAE's gamma by held-out rows of real tables and of images.

For each table and gamma: the KL of the training rows, which is to be the capacity, and
of rows that were held out the share of the variance that is left unexplained and the
mean log p in nats; means over three folds, each with a seed of its own. All else is
as it is by default. Images with values from 0 to 1 have the Bernoulli likelihood.

Run ``python benchmarks/bench_capacity.py``, or with names of some of the tables;
``--capacity-ramp 0.5`` lets C grow where by default it would not.
"""

import argparse
import warnings

import numpy as np
from bench_tables import folds, judge
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold

from sk_bvae import CapacityVAE
from sk_bvae.datasets import make_shapes2d

CAPACITY = 8.0
GAMMAS = (3.0, 5.0, 10.0, 100.0, 1000.0)
TABLES = ("breast_cancer", "diabetes", "penguins", "wine", "digits")
IMAGES = {
    "digits, 0 to 1": lambda: load_digits().data / 16,
    "16x16 shapes": lambda: make_shapes2d(2000, image_size=16, random_state=0).data,
}


def splits(name):
    """Yield training and held-out rows of three folds."""
    if name in TABLES:
        yield from folds(name, 3)
        return
    X = IMAGES[name]().astype(np.float32)
    for train, test in KFold(3, shuffle=True, random_state=0).split(X):
        yield X[train], X[test]


def judge_capacity(vae, X, X_new):
    """Fit; return the KL, and the held-out unexplained share and log p."""
    score, unexplained, *_ = judge(vae, X, X_new)
    return vae.kl_.sum(), unexplained, score


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[*TABLES, *IMAGES])
    parser.add_argument("--capacity-ramp", type=float)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*say nothing of the rows")
    print(f"{'':18}{'gamma':>6}{'KL':>8}{'unexplained':>13}{'log p':>9}")
    for name in options.names:
        likelihood = "bernoulli" if name in IMAGES else "gaussian"
        for gamma in GAMMAS:
            results = [
                judge_capacity(
                    CapacityVAE(
                        capacity=CAPACITY,
                        gamma=gamma,
                        capacity_ramp=options.capacity_ramp,
                        likelihood=likelihood,
                        random_state=seed,
                    ),
                    *rows,
                )
                for seed, rows in enumerate(splits(name))
            ]
            kl, unexplained, score = np.mean(results, axis=0)
            line = f"{name:18}{gamma:6g}{kl:8.2f}{unexplained:13.3f}{score:9.2f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
