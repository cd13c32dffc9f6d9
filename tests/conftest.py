import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

import sk_bvae
from sk_bvae import BetaVAE
from sk_bvae.estimators import BaseVAE, _factor_vae

ESTIMATORS = [getattr(sk_bvae, name) for name in sk_bvae.__all__]
VAES = [Estimator for Estimator in ESTIMATORS if issubclass(Estimator, BaseVAE)]

# The networks of the tests are too small to gain from threads, and on a busy machine
# threads that wait for each other cost far more than they bring. The tests have to
# pass with any number of them all the same, and OMP_NUM_THREADS sets another.
if "OMP_NUM_THREADS" not in os.environ:
    torch.set_num_threads(1)


def needs_y(Estimator):
    return get_tags(Estimator()).target_tags.required


def pytest_generate_tests(metafunc):
    """Run a test with all estimators, where it takes one and does not say which.

    What is called Estimator is fitted to X alone, and AnyVAE too; AnyEstimator may ask
    for y.
    """
    said = str(
        [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    )
    if "AnyEstimator" in metafunc.fixturenames:
        metafunc.parametrize("AnyEstimator", ESTIMATORS)
    for name, models in {"Estimator": ESTIMATORS, "AnyVAE": VAES}.items():
        if name in metafunc.fixturenames and name not in said:
            alone = [model for model in models if not needs_y(model)]
            metafunc.parametrize(name, alone)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def may_waste_nats():
    """Let a CapacityVAE of few steps have nats that say nothing of the rows."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*say nothing of the rows", UserWarning)
        yield


@pytest.fixture
def small_discriminator(monkeypatch):
    """Give FactorVAE a discriminator that trains as fast as the other networks."""
    monkeypatch.setattr(_factor_vae, "WIDTHS", (64, 64))


@pytest.fixture(scope="session")
def digits():
    """Digits as float32 between 0 and 1."""
    X = (load_digits().data / 16).astype(np.float32)
    X.flags.writeable = False
    return X


@pytest.fixture(scope="session")
def failed_checks():
    """Return a function that runs scikit-learn's checks and names those that fail.

    A fit draws noise for every row, so that a row of weight 2 is two rows on average
    only: one check may fail, as it does for scikit-learn's own stochastic estimators.
    """
    may_fail = {"check_sample_weight_equivalence_on_dense_data": "draws for each row"}

    def run(estimator):
        results = check_estimator(
            estimator, on_fail=None, expected_failed_checks=may_fail
        )
        assert len(results) > 40
        return [
            (result["check_name"], result["status"], result["exception"])
            for result in results
            if result["status"] not in {"passed", "xfail"}
            and result["check_name"] != "check_array_api_input"  # see test_common.py
        ]

    return run


@pytest.fixture
def global_random_states():
    """Return a function that reads them, whole: a draw or two only moves a position."""
    return lambda: (
        torch.get_rng_state().tolist(),
        [str(part) for part in np.random.get_state(legacy=False).items()],  # noqa: NPY002
        random.getstate(),
    )


@pytest.fixture
def press_ctrl_c(digits):
    """Return a function that presses Ctrl-C some seconds from now.

    Python's own handler is put in place for it: a shell starts its background jobs
    with the signal ignored, and the test would go on for ever. A first fit has to be
    over by then: it imports parts of torch, which cut short cannot be imported again.
    """
    BetaVAE(beta=0, max_iter=1, random_state=0).fit(digits)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timers = []

    def after(seconds):
        timers.append(threading.Timer(seconds, signal.raise_signal, [signal.SIGINT]))
        timers[-1].start()

    yield after
    for timer in timers:
        timer.join()
    signal.signal(signal.SIGINT, handler)


@pytest.fixture
def kill_at_random(rng):
    """Return a function that kills a program at random moments, then lets it end.

    The program prints "ready" before what is to be killed, and a result after it: the
    same with a path, from which it goes on after kills, as without one. Whoever calls
    looks at what a kill leaves.
    """
    if sys.platform == "win32":
        pytest.skip("has no SIGKILL")

    def run(program, *arguments):
        child = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout.readline() == "ready\n"
        return child, time.perf_counter()

    def kill(program, path, n_kills, look):
        child, start = run(program)
        expected, _ = child.communicate()
        longest = 1.2 * (time.perf_counter() - start) / n_kills
        n_killed = 0
        while n_killed < n_kills:
            child, _ = run(program, path)
            time.sleep(rng.uniform(0, longest))
            child.kill()
            child.communicate()
            if child.returncode == -signal.SIGKILL:
                n_killed += 1
                look()
            else:  # it had done its work, on a machine that is faster by now
                longest /= 2
        child, _ = run(program, path)
        assert child.communicate()[0] == expected
        print(f"{n_killed} kills, then {expected}")  # noqa: T201

    return kill
