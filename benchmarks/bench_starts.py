"""Judge the two starts of training by images whose factors are known.

Images of an ellipse that moves and grows, of a blob that moves, and of shapes, at a
Gaussian likelihood: the loss that training ends at and the MIG, from ``init="pca"`` and
``init="random"``, for each beta and seed. Then, over a grid of betas, how the ranking
without labels (UDR) correlates with MIG under either start: seeds that start alike
agree before they have learned anything.

Run ``python benchmarks/bench_starts.py``; ``--sets ellipses`` for some of it, and
``--udr`` for the ranking.
"""

import argparse
import warnings
from itertools import product

import numpy as np
from scipy.stats import spearmanr

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_blobs2d, make_shapes2d
from sk_bvae.metrics import mutual_info_gap
from sk_bvae.model_selection import ReplicaGridSearch

STARTS = ("pca", "random")
ELLIPSES = {"image_size": 16, "shapes": ["ellipse"], "n_orientations": 1}


def ellipses():
    images = make_shapes2d(3000, random_state=0, **ELLIPSES)
    return images.data, images.target[:, [1, 3, 4]]  # scale, position x and y


def blobs():
    images = make_blobs2d(3000, image_size=16, std=0.1, random_state=0)
    return images.data, images.target


def shapes():
    images = make_shapes2d(5000, image_size=32, random_state=0)
    return images.data, images.target


SETS = {
    "ellipses": (ellipses, {"n_components": 5, "max_iter": 40}),
    "blobs": (blobs, {"n_components": 5, "max_iter": 40}),
    "shapes": (shapes, {"n_components": 10, "max_iter": 20}),
}


def compare_starts(name, betas, n_seeds):
    """Print the final losses and the MIGs of each start."""
    make, params = SETS[name]
    X, factors = make()
    for beta, init in product(betas, STARTS):
        losses, gaps = [], []
        for seed in range(n_seeds):
            vae = BetaVAE(beta=beta, init=init, random_state=seed, **params)
            Z = vae.set_params(early_stopping=False).fit_transform(X)
            losses.append(vae.loss_curve_[-1])
            gaps.append(mutual_info_gap(Z, factors))
        print(
            f"{name:9} beta={beta:<4g} {init:7} loss {np.mean(losses):8.1f}   MIG "
            + " ".join(f"{gap:.2f}" for gap in gaps),
            flush=True,
        )


def compare_rankings(name, n_replicas=5):
    """Print how UDR correlates with MIG over a grid, for each start."""
    others, factors = SETS[name][0]()
    X = others[:1500]
    vae = BetaVAE(5, hidden_layer_sizes=(64,), learning_rate_init=0.01, batch_size=128)
    betas = [1.0, 4.0, 16.0, 64.0, 256.0]
    for init in STARTS:
        search = ReplicaGridSearch(
            vae.set_params(max_iter=100, early_stopping=False),
            {"beta": betas, "init": [init]},
            n_replicas=n_replicas,
            random_state=0,
            return_estimators=True,
        ).fit(X)
        scores = np.array(
            [
                search.cv_results_[f"replica{number}_score"]
                for number in range(n_replicas)
            ]
        ).T
        gaps = np.array(
            [
                [mutual_info_gap(vae.transform(others), factors) for vae in row]
                for row in search.estimators_
            ]
        )
        known = np.isfinite(scores)
        correlation = spearmanr(scores[known], gaps[known]).statistic
        print(f"{name:9} {init:7} UDR's rank correlation with MIG {correlation:.2f}")
        medians = np.median(scores, axis=1), np.median(gaps, axis=1)
        for beta, udr, gap in zip(betas, *medians, strict=True):
            print(f"  beta={beta:<5g} UDR {udr:.2f}   MIG {gap:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--udr", action="store_true", help="the ranking instead")
    parser.add_argument("--betas", nargs="+", type=float, default=[1.0, 4.0, 16.0])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.sets:
        if options.udr:
            compare_rankings(name)
        else:
            compare_starts(name, options.betas, options.seeds)


if __name__ == "__main__":
    main()
