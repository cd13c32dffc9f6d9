"""Try every path that a GPU has, then time the papers' network on it.

The first part fits, stacks, predicts, streams, pickles and goes on, each compared with
the CPU; a difference beyond the tolerance ends the run. The second times a step of
``higgins_fc`` beside what the device multiplies in that time, and the third trains
figure 6's two models, ten seeds each, as one stack.

Run ``nox -s gpu``. ``--device cpu --quick`` shows on a machine without a GPU that the
script itself works.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import torch
from sklearn.datasets import load_digits

import sk_bvae
from sk_bvae import BetaVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.metrics import mutual_info_gap
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.training import rows

TOLERANCE = 1e-4  # of codes, whose standard deviation is about 1
CHILD = """
import joblib, sys
cases = joblib.load(sys.argv[1])
codes = {name: model.transform(X) for name, (model, X) in cases.items()}
joblib.dump(codes, sys.argv[2])
"""
DIGITS = load_digits().data / 16
HIGGINS = {"network": "higgins_fc", "likelihood": "bernoulli"}
STEP_MULTIPLICATIONS = 3  # forward, and twice as many backward


def largest_difference(model, other, X):
    return float(np.abs(model.transform(X) - other.transform(X)).max())


def report(name, difference):
    print(f"{name:48}{difference:10.1e}", flush=True)
    if not difference <= TOLERANCE:
        raise SystemExit(f"{name}: {difference} is more than {TOLERANCE}")


def codes_without_a_gpu(cases):
    """Load models in a process that sees no GPU, and let them encode there."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "cases.joblib", Path(folder) / "codes.joblib"
        joblib.dump(cases, files[0])
        env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        subprocess.run([sys.executable, "-c", CHILD, *files], env=env, check=True)
        return joblib.load(files[1])


def try_paths(device):
    print("largest difference between codes, of the device or of the CPU")
    cases = {
        name: (getattr(sk_bvae, name)(5, max_iter=5, device=device).fit(DIGITS), DIGITS)
        for name in sk_bvae.__all__
        if name != "DCIGN"  # it is told what varies
    }
    shapes = make_shapes2d(2000, image_size=32, random_state=0)
    told = sk_bvae.DCIGN(6, max_iter=5, device=device)
    cases["DCIGN"] = told.fit(shapes.data, shapes.target), shapes.data
    mixed = make_vae(device, precision="bfloat16", **HIGGINS)
    cases["bfloat16"] = mixed.fit(shapes.data), shapes.data
    codes = codes_without_a_gpu(cases)
    for name, (model, X) in cases.items():
        difference = float(np.abs(model.transform(X) - codes[name]).max())
        report(f"{name}: loaded without a GPU", difference)
    try_going_on(device)
    try_streaming(device)
    try_stack(device)


def make_vae(device, **params):
    params = {"max_iter": 5, "random_state": 0, **params}
    return BetaVAE(5, early_stopping=False, device=device, **params)


def try_going_on(device):
    whole = make_vae(device).fit(DIGITS)
    half = make_vae(device, max_iter=2).fit(DIGITS)
    half = pickle.loads(pickle.dumps(half)).set_params(max_iter=3, warm_start=True)
    report("a pickle that goes on", largest_difference(whole, half.fit(DIGITS), DIGITS))


def try_streaming(device):
    resident = make_vae(device).fit(DIGITS)
    fits, rows._fits = rows._fits, lambda device, array: False
    streamed = make_vae(device).fit(DIGITS)
    rows._fits = fits
    report("data streamed", largest_difference(resident, streamed, DIGITS))


def try_stack(device):
    search = ReplicaGridSearch(
        make_vae(device), {"beta": [1.0, 4.0]}, n_replicas=3, random_state=0
    ).fit(DIGITS)
    best = search.best_estimator_
    lone = make_vae(device, beta=best.beta, random_state=best.random_state)
    report("a stack", largest_difference(best, lone.fit(DIGITS), DIGITS))


def synchronize(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(device, run, repeats):
    run()
    synchronize(device)
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    synchronize(device)
    return (time.perf_counter() - start) / repeats


def matrix_rate(device, dtype, size):
    """Measure the multiplications per second of square matrices."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return size**3 / seconds(device, lambda: a @ b, repeats=20)


def time_steps(device, n_images, batch_sizes, size):
    """Time epochs of ``higgins_fc``, beside what its multiplications take alone."""
    images = make_shapes2d(n_images, image_size=64, random_state=0).data
    for precision in ("float32", "bfloat16"):
        rate = matrix_rate(device, getattr(torch, precision), size)
        for batch_size in batch_sizes:
            model = make_vae(
                device,
                precision=precision,
                batch_size=batch_size,
                max_iter=1,
                **HIGGINS,
            ).fit(images)
            model.set_params(max_iter=3, warm_start=True).fit(images)
            epoch = min(model.net_.history[1:, "dur"])
            weights = sum(
                p.numel() for p in model.net_.module_.parameters() if p.dim() > 1
            )
            alone = STEP_MULTIPLICATIONS * weights * n_images / rate
            print(
                f"{precision:9} batch {batch_size:5}: {n_images / epoch:9.0f} images "
                f"a second; {alone / epoch:5.0%} of the rate of matrices "
                f"({2 * rate / 1e12:.1f} TFLOP/s)",
                flush=True,
            )


def train_figure_6(device, n_images, n_replicas, max_iter):
    """Train VAE and beta-VAE, several seeds each, as one stack."""
    images = make_shapes2d(n_images, image_size=64, random_state=0)
    test = make_shapes2d(2000, image_size=64, random_state=1)
    vae = BetaVAE(
        batch_size=128,
        solver="adagrad",
        learning_rate_init=1e-2,
        max_iter=max_iter,
        early_stopping=False,
        device=device,
        **HIGGINS,
    )
    start = time.perf_counter()
    search = ReplicaGridSearch(
        vae,
        {"beta": [1.0, 4.0]},
        n_replicas=n_replicas,
        scoring="mig",
        random_state=0,
        return_estimators=True,
    ).fit(images.data, images.target)
    took = time.perf_counter() - start
    print(f"figure 6: {2 * n_replicas} models, {max_iter} epochs: {took:.0f} s")
    for beta, models in zip((1, 4), search.estimators_, strict=True):
        gaps = [mutual_info_gap(m.transform(test.data), test.target) for m in models]
        print(f"beta={beta}: MIG " + " ".join(f"{gap:.3f}" for gap in gaps))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="a check of this script")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("There is no GPU that torch can use here.")
    warnings.simplefilter("ignore")
    device = torch.device(options.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}")
    try_paths(options.device)
    if options.quick:
        time_steps(device, n_images=500, batch_sizes=(256,), size=512)
        train_figure_6(options.device, n_images=300, n_replicas=2, max_iter=1)
    else:
        time_steps(device, 100_000, batch_sizes=(256, 1024, 4096), size=8192)
        train_figure_6(options.device, n_images=200_000, n_replicas=10, max_iter=15)


if __name__ == "__main__":
    main()
