"""Time training in bfloat16 against float32, as the operations in a step grow.

The measurement behind ``precision="auto"``: for each network and batch size, the ratio
of an epoch in bfloat16 to one in float32, in the same process, turn by turn. And what
it costs in quality: held-out ELBO and MIG of shapes of either precision, seed by seed.

Run ``python benchmarks/bench_precision.py``; ``--quality`` adds the second part.
"""

import argparse
import time
import warnings
from statistics import median

import numpy as np
import torch

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.estimators._fitting import begin, begin_task, make_rows, prepare
from sk_bvae.metrics import mutual_info_gap
from sk_bvae.training.precision import _flops_of, multiplies_faster

COMMON = {"likelihood": "bernoulli", "early_stopping": False, "device": "cpu"}
NETWORKS = [
    (64, {"hidden_layer_sizes": (128,)}),
    (64, {"hidden_layer_sizes": (128, 128)}),
    (784, {"hidden_layer_sizes": (128, 128)}),
    (784, {"hidden_layer_sizes": (512, 512)}),
    (1024, {"network": "higgins_fc"}),
    (4096, {"network": "higgins_fc"}),
    (1024, {"network": "burgess_conv"}),
    (4096, {"network": "burgess_conv"}),
]
BATCH_SIZES = (64, 256, 1024)


def ready(X, precision, params):
    """Return a net that is about to be trained, and what it is trained on."""
    vae = BetaVAE(precision=precision, random_state=0, **COMMON, **params)
    rows = make_rows(vae, X)
    net = prepare(vae, rows)
    begin_task(vae, net, {"X": X}, 1)
    begin(vae, net, rows, early_stopping=False)
    return net, rows


def seconds_of_an_epoch(net, rows):
    start = time.perf_counter()
    net.on_epoch_begin(net)
    batches = net.get_iterator(rows, training=True)
    net.run_single_epoch(batches, True, "train", net.train_step)
    return time.perf_counter() - start


def compare_speed(n_features, params, batch_size, repeats):
    rng = np.random.default_rng(0)
    X = (rng.random((max(512, batch_size), n_features)) < 0.1).astype(np.float32)
    params = {"batch_size": batch_size, **params}
    nets = [ready(X, precision, params) for precision in ("bfloat16", "float32")]
    ratios = []
    for _ in range(repeats + 1):
        mixed, single = (seconds_of_an_epoch(*net) for net in nets)
        ratios.append(mixed / single)
    print(
        f"{_flops_of(*nets[0]) / 1e6:8.0f} million operations a step: bfloat16 / "
        f"float32 {median(ratios[1:]):.2f}   ({n_features} columns, {params})",
        flush=True,
    )


def compare_quality(n_seeds=3):
    """Print held-out ELBO and MIG of either precision."""
    images = make_shapes2d(20_000, image_size=32, random_state=0)
    test = make_shapes2d(5000, image_size=32, random_state=1)
    for params in (
        {"network": "higgins_fc", "batch_size": 256},
        {"network": "burgess_conv", "learning_rate_init": 5e-4},
        {"likelihood": "gaussian", "hidden_layer_sizes": (512, 512)},
    ):
        for precision in ("float32", "bfloat16"):
            models = [
                BetaVAE(
                    **{**COMMON, **params},
                    max_iter=15,
                    precision=precision,
                    random_state=seed,
                ).fit(images.data)
                for seed in range(n_seeds)
            ]
            elbo = [vae.score_samples(test.data, n_draws=1).mean() for vae in models]
            mig = [
                mutual_info_gap(vae.transform(test.data), test.target) for vae in models
            ]
            print(
                f"{precision:9} ELBO {np.mean(elbo):8.2f}  ("
                + " ".join(f"{one:.2f}" for one in elbo)
                + ")  MIG "
                + " ".join(f"{one:.3f}" for one in mig)
                + f"   {params}",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quality", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"hardware for bfloat16: {multiplies_faster(torch.device('cpu'))}")
    for batch_size in BATCH_SIZES:
        for n_features, params in NETWORKS:
            compare_speed(n_features, params, batch_size, options.repeats)
    if options.quality:
        compare_quality()


if __name__ == "__main__":
    main()
