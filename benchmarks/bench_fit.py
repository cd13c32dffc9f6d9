"""Time BetaVAE.fit against bare torch loops and against pythae's trainer.

All train the same network on the same rows for the same number of steps, in one
process, turn by turn; the medians of the ratios of neighbouring runs are printed. The
bare loop is what an expert would write: data on hand as one tensor, a batch by one
gather, fused Adam, the loss summed on the device. The lean one learns no noise variance
and has no constants in its loss. What is compiled is timed from its second epoch on.

Run ``nox -s benchmarks``, or ``python benchmarks/bench_fit.py --repeats 3 digits``.
"""

import argparse
import contextlib
import importlib.util
import io
import logging
import tempfile
import time
import warnings
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from skorch.callbacks import Callback

from sk_bvae import BetaVAE
from sk_bvae.nn import higgins_fc, mlp

CASES = ("digits", "table", "images")
TARGETS = {
    "digits": {"bare": 1.10, "lean": 1.15, "pythae": 0.5, "compiled": 0.7},
    "table": {"bare": 1.10, "lean": 1.15, "pythae": 0.4, "compiled": 0.7},
    "images": {"bare": 0.50, "lean": 0.50, "pythae": 0.8},
}


def make_case(name):
    """Return the data, the parameters of the estimator, and the number of epochs."""
    rng = np.random.default_rng(0)
    wide = {"network": "mlp", "hidden_layer_sizes": (128,)}
    if name == "digits":
        X = load_digits().data.astype(np.float32) / 16
        return X, {**wide, "batch_size": 64, "max_iter": 30}
    if name == "table":
        latent = rng.standard_normal((10_000, 5))
        X = latent @ rng.standard_normal((5, 20)) + rng.standard_normal((10_000, 20))
        return X.astype(np.float32), {**wide, "batch_size": 256, "max_iter": 20}
    X = (rng.random((4096, 4096)) < 0.1).astype(np.float32)
    params = {"network": "higgins_fc", "likelihood": "bernoulli"}
    return X, {**params, "batch_size": 256, "max_iter": 8}


def build(params, n_features):
    """Build what the estimator builds: a linear path beside a Gaussian "mlp"."""
    if params["network"] == "higgins_fc":
        return higgins_fc(n_features, 10)
    sizes = {"hidden_layer_sizes": params["hidden_layer_sizes"], "activation": "relu"}
    return mlp(n_features, 10, **sizes, linear_path="likelihood" not in params)


def fit_estimator(X, params):
    fixed = {"random_state": 0, "device": "cpu", "early_stopping": False}
    BetaVAE(learning_rate_init=1e-3, **fixed, **params).fit(X)


def bare_nll(output, x, log_variance):
    half_squares = 0.5 * (output - x).square().sum(dim=-1)
    if log_variance is None:
        return half_squares
    half_log_volume = 0.5 * x.shape[1] * (log_variance + 1.8378770664)
    return half_squares * (-log_variance).exp() + half_log_volume


def fit_bare(X, params, lean=False):
    """Train as an expert would, with nothing around it."""
    encoder, decoder = build(params, X.shape[1])
    bernoulli = params.get("likelihood") == "bernoulli"
    log_variance = torch.nn.Parameter(torch.zeros(()))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    if not bernoulli and not lean:
        parameters.append(log_variance)
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    data = torch.from_numpy(X)
    if not bernoulli:
        data = (data - data.mean(dim=0)) / data.std()
    for _ in range(params["max_iter"]):
        total = 0
        for index in torch.randperm(len(data)).split(params["batch_size"]):
            x = data.index_select(0, index)
            mean, log_var = encoder(x).chunk(2, dim=-1)
            z = mean + (0.5 * log_var).exp() * torch.randn_like(mean)
            output = decoder(z)
            if bernoulli:
                nll = F.binary_cross_entropy_with_logits(output, x, reduction="none")
                nll = nll.sum(dim=-1)
            else:
                nll = bare_nll(output, x, None if lean else log_variance)
            kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(dim=-1)
            loss = (nll + 4.0 * kl).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        float(total)


def fit_lean(X, params):
    """Train with a loss of fewer terms."""
    fit_bare(X, params, lean=True)


def fit_pythae(X, params, learning_rate=1e-3, beta=4.0):
    """Train with pythae's BaseTrainer, quietly; return the networks."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import BetaVAE as PythaeBetaVAE
    from pythae.models import BetaVAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    class Encoder(BaseEncoder):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            mean, log_var = self.net(x).chunk(2, dim=-1)
            return ModelOutput(embedding=mean, log_covariance=log_var)

    class Decoder(BaseDecoder):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, z):
            output = self.net(z)
            return ModelOutput(
                reconstruction=output.sigmoid() if loss == "bce" else output
            )

    loss = "bce" if params.get("likelihood") == "bernoulli" else "mse"
    config = BetaVAEConfig(
        input_dim=(X.shape[1],), latent_dim=10, beta=beta, reconstruction_loss=loss
    )
    encoder, decoder = build(params, X.shape[1])
    model = PythaeBetaVAE(config, encoder=Encoder(encoder), decoder=Decoder(decoder))
    with tempfile.TemporaryDirectory() as folder:
        training = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=params["max_iter"],
            per_device_train_batch_size=params["batch_size"],
            learning_rate=learning_rate,
            optimizer_cls="Adam",
            no_cuda=True,
        )
        data = BaseDataset(torch.from_numpy(X), torch.zeros(len(X)))
        BaseTrainer(model=model, train_dataset=data, training_config=training).train()
    return encoder.eval(), decoder.eval()


@contextlib.contextmanager
def quiet():
    """Swallow the bars and logs of the trainer under comparison."""
    logging.disable(logging.CRITICAL)
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def seconds(function, X, params):
    start = time.perf_counter()
    with quiet():
        function(X, params)
    return time.perf_counter() - start


class Stopwatch(Callback):
    """Measures a fit from the end of its first epoch to the end of its last."""

    def on_epoch_end(self, net, **kwargs):
        now = time.perf_counter()
        self.start = getattr(self, "start", now)
        self.seconds = now - self.start


def compiled_seconds(X, params):
    """Time the epochs of a compiled fit, without the first."""
    watch = Stopwatch()
    net_params = {"compile": True, "callbacks": [watch]}
    with quiet():
        fit_estimator(X, {**params, "net_params": net_params})
    return watch.seconds


def run_compiled(name, repeats):
    """Time compiled epochs, all but the first, over as many of the bare loop."""
    X, params = make_case(name)
    one_less = {**params, "max_iter": params["max_iter"] - 1}
    ratios = []
    for _ in range(repeats):
        compiled = compiled_seconds(X, params)
        ratios.append(compiled / seconds(fit_bare, X, one_less))
    print_ratios(name, "bare", ratios, TARGETS[name]["compiled"], "compiled")


def print_ratios(name, rival, ratios, target, own="fit"):
    print(
        f"{name:8} {own} / {rival:7} median {median(ratios):5.2f}   "
        f"(min {min(ratios):.2f}, max {max(ratios):.2f}, {len(ratios)} runs, "
        f"target {target:.2f})",
        flush=True,
    )


def run_case(name, repeats, rivals):
    """Time everyone in turn, and print the medians of the ratios."""
    X, params = make_case(name)
    warm_up = {**params, "max_iter": 1}
    for function in (fit_estimator, *rivals.values()):
        seconds(function, X, warm_up)
    ratios = {rival: [] for rival in rivals}
    for _ in range(repeats):
        for rival, function in rivals.items():
            own = seconds(fit_estimator, X, params)
            ratios[rival].append(own / seconds(function, X, params))
    for rival, values in ratios.items():
        print_ratios(name, rival, values, TARGETS[name][rival])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=CASES, help=", ".join(CASES))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--bare-only", action="store_true", help="only the bare loop")
    options = parser.parse_args()
    rivals = {"bare": fit_bare}
    if not options.bare_only:
        rivals["lean"] = fit_lean
        if importlib.util.find_spec("pythae"):
            rivals["pythae"] = fit_pythae
    for name in options.cases:
        run_case(name, options.repeats, rivals)
        if not options.bare_only and "compiled" in TARGETS[name]:
            run_compiled(name, options.repeats)


if __name__ == "__main__":
    main()
