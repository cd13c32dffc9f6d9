"""Time BetaVAE on the whole grid of 2D shapes, memory-mapped, against bare torch.

737,280 images of 4096 pixels, 3.0 GB, are rendered straight into a file in a temporary
folder, which is deleted at the end. An epoch over them takes a quarter of an hour on
a core, so both sides train on the whole file but are stopped after some steps, and the
clock runs between two steps, once either is in its stride. Each run is a process of
its own, so that its peak memory is its own. What a fit does beside its steps, passes
over the file before and after them, is timed and printed by itself.

Run ``nox -s benchmarks``, or ``python benchmarks/bench_grid.py --steps 40``.
"""

import argparse
import contextlib
import multiprocessing
import resource
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from skorch.callbacks import Callback

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.nn import higgins_fc

N_IMAGES, N_PIXELS = 737_280, 4096
BATCH_SIZE = 256
WARM_UP = 5
TARGET = 0.9


class Stopped(Exception):  # noqa: N818 - no error
    """Raised to leave a fit in the middle of an epoch."""


class Stopwatch(Callback):
    """Takes the time of each step, and leaves the fit after some."""

    def __init__(self, n_steps):
        self.n_steps = n_steps

    def on_train_begin(self, net, **kwargs):
        """Start."""
        self.times_ = [perf_counter()]

    def on_batch_end(self, net, **kwargs):
        """Count a step."""
        self.times_.append(perf_counter())
        if len(self.times_) > self.n_steps:
            raise Stopped


def write_grid(path):
    """Render the whole grid into a file."""
    start = perf_counter()
    X = np.lib.format.open_memmap(path, "w+", np.uint8, (N_IMAGES, N_PIXELS))
    make_shapes2d(n_samples=None, out=X)
    return {"seconds": perf_counter() - start}


def make_vae(**params):
    return BetaVAE(
        network="higgins_fc",
        likelihood="bernoulli",
        beta=4,
        batch_size=BATCH_SIZE,
        device="cpu",
        random_state=0,
        **params,
    )


def fit_estimator(path, n_steps):
    X = np.load(path, mmap_mode="r")
    watch = Stopwatch(n_steps)
    start = perf_counter()
    with contextlib.suppress(Stopped):
        make_vae(net_params={"callbacks": [watch]}).fit(X)
    return {"before": watch.times_[0] - start, **summary(watch.times_)}


def fit_bare(path, n_steps):
    """Train as an expert would, with nothing around it."""
    X = np.load(path, mmap_mode="r")
    encoder, decoder = higgins_fc(N_PIXELS, 10)
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    times, total = [perf_counter()], 0
    for index in torch.randperm(len(X)).split(BATCH_SIZE)[:n_steps]:
        x = torch.from_numpy(X[index.numpy()]).float()
        mean, log_var = encoder(x).chunk(2, dim=-1)
        z = mean + (0.5 * log_var).exp() * torch.randn_like(mean)
        nll = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="none")
        kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var)
        loss = (nll.sum(dim=-1) + 4.0 * kl.sum(dim=-1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach()
        times.append(perf_counter())
    return summary(times)


def encode(path, n_steps):
    """Time the pass that ends a fit, the KL of all rows, on a tenth of them."""
    X = np.load(path, mmap_mode="r")
    vae = make_vae(max_iter=1).fit(X[:BATCH_SIZE])
    part = X[: N_IMAGES // 10]
    start = perf_counter()
    vae.transform(part)
    return {"rate": len(part) / (perf_counter() - start), "peak": peak_memory()}


def summary(times):
    n_images = BATCH_SIZE * (len(times) - 1 - WARM_UP)
    return {"rate": n_images / (times[-1] - times[WARM_UP]), "peak": peak_memory()}


def peak_memory():
    """Return the process's peak, in MB; macOS counts bytes."""
    unit = 1e-6 if sys.platform == "darwin" else 1.024e-3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def alone(function, *args):
    """Call a function in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40, help="timed steps of a run")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    n_steps = WARM_UP + options.steps
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "grid.npy"
        print(f"rendering: {alone(write_grid, path)['seconds']:.0f} s", flush=True)
        own, bare = [], []
        for _ in range(options.repeats):
            own.append(alone(fit_estimator, path, n_steps))
            bare.append(alone(fit_bare, path, n_steps))
        last = alone(encode, path, n_steps)
    report(own, bare, last, options)


def report(own, bare, last, options):
    ratios = [a["rate"] / b["rate"] for a, b in zip(own, bare, strict=True)]
    print(
        f"steps: fit / bare median {median(ratios):.2f} of the images per second "
        f"(min {min(ratios):.2f}, max {max(ratios):.2f}, {options.repeats} runs of "
        f"{options.steps} steps, target {TARGET:.2f})"
    )
    own_rate, bare_rate = (median(run["rate"] for run in runs) for runs in (own, bare))
    print(f"  images per second: fit {own_rate:.0f}, bare {bare_rate:.0f}")
    before, after = median(run["before"] for run in own), N_IMAGES / last["rate"]
    print(f"passes beside the steps: {before:.1f} s before (range of the pixels)")
    print(f"  {after:.0f} s after (KL of all rows; from a tenth of them)")
    for epochs in (1, 10, 100):
        steps = epochs * N_IMAGES / own_rate
        share = steps / (before + steps + after)
        print(f"  with them, a fit of {epochs} epochs: {share * median(ratios):.2f}")
    for name, runs in {"fit": own, "bare": bare, "last pass": [last]}.items():
        print(f"peak memory of {name}: {max(run['peak'] for run in runs):.0f} MB")


if __name__ == "__main__":
    main()
