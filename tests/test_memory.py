"""Peak memory of a fit on a memory map, measured from outside."""

import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import resource, sys
import numpy as np
from sk_bvae import BetaVAE

X = np.load(sys.argv[1], mmap_mode="r")[: int(sys.argv[2])]
vae = BetaVAE(
    likelihood="bernoulli", hidden_layer_sizes=(16,), max_iter=1, random_state=0
)
vae.fit(X).transform(X)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak_bytes(path, n_rows):
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(path), str(n_rows)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has units of its own")
def test_a_large_memory_map_is_never_whole_in_memory(tmp_path):
    path = tmp_path / "X.npy"
    X = np.lib.format.open_memmap(path, "w+", np.uint8, (60_000, 4096))
    block = np.random.default_rng(0).integers(0, 2, size=(1000, 4096), dtype=np.uint8)
    for start in range(0, len(X), len(block)):
        X[start : start + len(block)] = block
    del X
    raised = peak_bytes(path, 60_000) - peak_bytes(path, 2000)
    assert raised < 200e6, raised
