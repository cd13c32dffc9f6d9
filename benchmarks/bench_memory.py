"""Measure the anonymous memory of fits and searches on a memory map.

Each case runs in a process of its own, on 2,000 rows and on all; the peak of what it
holds beside the file is read off the system while it runs, and the difference printed.
Linux only.

Run ``nox -s benchmarks``, or ``python benchmarks/bench_memory.py fit``.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N_ROWS, N_FEATURES, FEW = 60_000, 4096, 2000

PROGRAM = """
import sys, warnings
import numpy as np
from sk_bvae import BetaVAE
from sk_bvae.model_selection import ReplicaGridSearch

warnings.simplefilter("ignore")
path, n_rows, batch_size, what = sys.argv[1:]
X = np.load(path, mmap_mode="r")[: int(n_rows)]
vae = BetaVAE(
    likelihood="bernoulli",
    hidden_layer_sizes=(16,),
    max_iter=2,
    early_stopping=False,
    batch_size=int(batch_size),
    random_state=0,
)
if what == "search":
    ReplicaGridSearch(vae, {"beta": [1.0, 4.0]}, n_replicas=4, random_state=0).fit(X)
else:
    vae.fit(X)
"""
TARGETS = {"fit": 200, "search": 400}

# Few columns and many latents, so that the output outweighs the rest.
TRANSFORM = """
import sys
import numpy as np
from sk_bvae import BetaVAE

X = np.zeros((1_000_000, 2), np.float32)
X[::2] = 1
vae = BetaVAE(100, hidden_layer_sizes=(4,), max_iter=1).fit(X[:1000])
vae.transform(X[: 10_000 if sys.argv[1] == "few" else None])
"""
OUTPUT = 1_000_000 * 100 * 4 / 1e6


def make_map(path):
    """Write random bits to a file, a block at a time."""
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(path, "w+", np.uint8, (N_ROWS, N_FEATURES))
    for start in range(0, N_ROWS, 1000):
        X[start : start + 1000] = rng.integers(0, 2, (1000, N_FEATURES), np.uint8)


def anonymous_bytes(pid):
    """Read how much memory a process holds that no file backs."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def peak(program, *arguments):
    """Run a program, and return the most anonymous memory that it held, in MB."""
    command = [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)]
    child, most = subprocess.Popen(command), 0
    while child.poll() is None:
        most = max(most, anonymous_bytes(child.pid))
        time.sleep(0.005)
    return most / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=TARGETS, help=", ".join(TARGETS))
    parser.add_argument("--batch-sizes", type=int, nargs="*", default=[64, 256, 1024])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        make_map(path)
        for what in options.cases:
            for batch_size in options.batch_sizes:
                few, all_rows = (
                    peak(PROGRAM, path, n_rows, batch_size, what)
                    for n_rows in (FEW, N_ROWS)
                )
                print(
                    f"{what:9} batch {batch_size:4}: {few:5.0f} MB on {FEW} rows, "
                    f"{all_rows - few:5.0f} MB more on {N_ROWS} (target "
                    f"{TARGETS[what]})",
                    flush=True,
                )
    more = peak(TRANSFORM, "all") - peak(TRANSFORM, "few")
    print(
        f"transform: {more:.0f} MB more for an output of {OUTPUT:.0f}, a ratio of "
        f"{more / OUTPUT:.2f} (target 1.3)"
    )


if __name__ == "__main__":
    main()
