"""Time BetaVAE until it is as good as pythae's trainer is in the end.

pythae trains with its defaults, a hundred epochs of Adam at 1e-4. BetaVAE trains the
same network, for the same loss at beta=1, with defaults of its own, until its ELBO of
held-out rows is pythae's; looking at those rows is not counted. The ratios of the
seconds are printed.

Run ``nox -s benchmarks``, or ``python benchmarks/bench_quality.py digits``.
"""

import argparse
import time
import warnings

import numpy as np
import torch
from bench_fit import fit_pythae, make_case, quiet
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.nn import VAE, Bernoulli, Gaussian
from sk_bvae.training.step import StopTraining

TARGETS = {"digits": 0.25, "table": 0.25, "images": 0.5}
N_EPOCHS = 100
PYTHAE_RATE = 1e-4


def make_data(name):
    """Return the rows, and the parameters of the estimator: defaults but for a few."""
    defaults = BetaVAE().get_params()
    names = "network", "hidden_layer_sizes", "batch_size"
    params = {key: defaults[key] for key in names} | {"max_iter": N_EPOCHS}
    if name == "digits":
        X = load_digits().data.astype(np.float32) / 16
        return X, {**params, "likelihood": "bernoulli"}
    if name == "table":
        X, _ = make_case("table")
        # pythae's squared error, halved, is a normal distribution of variance 1
        return X, {**params, "noise_variance": 1.0}
    images = make_shapes2d(4096, random_state=0).data.astype(np.float32)
    # at a higher rate so large a network learns the rows by heart
    fixed = {"network": "higgins_fc", "learning_rate_init": PYTHAE_RATE}
    return images, {**params, **fixed, "likelihood": "bernoulli"}


def held_out_elbo(vae, X):
    """Estimate the ELBO with one draw for each row, the same at every call."""
    x = torch.from_numpy(X)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        terms = vae(x, torch.randn(len(x), len(vae.order), generator=generator))
        return -(terms.nll + terms.kl.sum(dim=-1)).mean().item()


class StopWhereGood(Callback):
    """Ends a fit when its ELBO of some rows reaches a target; times all but that."""

    def __init__(self, X, target):
        self.X, self.target = X, target

    def on_train_begin(self, net, **kwargs):
        self.seconds, self.since = 0.0, time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        self.seconds += time.perf_counter() - self.since
        self.elbo = held_out_elbo(net.module_["vae"].eval(), self.X)
        if self.elbo >= self.target:
            raise StopTraining
        self.since = time.perf_counter()


def likelihood_of(params, n_features):
    likelihood = Bernoulli() if "likelihood" in params else Gaussian(1.0)
    likelihood.bind(n_features)
    return likelihood


def run_case(name, seed):
    X, params = make_data(name)
    X, X_new = train_test_split(X, test_size=0.2, random_state=0)
    likelihood = likelihood_of(params, X.shape[1])
    torch.manual_seed(seed)  # pythae has no seed of its own
    start = time.perf_counter()
    with quiet():
        encoder, decoder = fit_pythae(X, params, learning_rate=PYTHAE_RATE, beta=1.0)
    theirs = time.perf_counter() - start
    target = held_out_elbo(VAE(encoder, decoder, likelihood, 10).eval(), X_new)
    stop = StopWhereGood(X_new, target)
    vae = BetaVAE(
        beta=1.0, random_state=seed, device="cpu", early_stopping=False, **params
    )
    with quiet():
        vae.set_params(net_params={"callbacks": [stop]}, max_iter=200).fit(X)
    ratio = f"{stop.seconds / theirs:.2f}" if stop.elbo >= target else "none, too low"
    print(
        f"{name:8} pythae: ELBO {target:.2f} after {N_EPOCHS} epochs, {theirs:.1f} s; "
        f"BetaVAE: {stop.elbo:.2f} after {vae.n_iter_}, {stop.seconds:.1f} s; ratio "
        f"{ratio} (target {TARGETS[name]:.2f})",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=TARGETS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.cases:
        run_case(name, options.seed)


if __name__ == "__main__":
    main()
