"""What holds for every public estimator."""

import inspect
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpydoc.docscrape import NumpyDocString
from sklearn.utils._repr_html.estimator import estimator_html_repr

import sk_bvae
from sk_bvae import BetaVAE

SMALL = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 3}


@pytest.mark.filterwarnings("ignore:No latent of this")  # on a handful of bad rows
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_estimator_checks(AnyEstimator, failed_checks):
    assert failed_checks(AnyEstimator(**SMALL)) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No latent of this")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_estimator_checks_with_the_default_parameters(failed_checks):
    assert failed_checks(BetaVAE()) == []


@pytest.mark.parametrize("layers", [(), (8,)])
@pytest.mark.filterwarnings("ignore:No latent of this")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_estimator_checks_with_a_start_at_pca(layers, failed_checks):
    pca = {**SMALL, "init": "pca", "hidden_layer_sizes": layers}
    assert failed_checks(BetaVAE(**pca)) == []


def test_the_estimator_check_of_the_array_api():
    """Which runs only where SCIPY_ARRAY_API=1 is set before scipy's import."""
    program = (
        "from sklearn.utils.estimator_checks import estimator_checks_generator\n"
        "from sk_bvae import BetaVAE\n"
        f"checks = estimator_checks_generator(BetaVAE(**{SMALL}))\n"
        "found = {check.func.__name__: (check, vae) for vae, check in checks}\n"
        "check, vae = found['check_array_api_input']\n"
        "check(vae)\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_nothing_is_marked_non_deterministic(AnyEstimator):
    assert not AnyEstimator().__sklearn_tags__().non_deterministic


def entries(Estimator, section):
    """Name the entries of a section of a class's docstring, with their text."""
    document = NumpyDocString(inspect.getdoc(Estimator))
    return {entry.name: (entry.type, entry.desc) for entry in document[section]}


def test_documents_are_complete_and_in_the_order_of_the_signature(AnyEstimator):
    documented = list(entries(AnyEstimator, "Parameters"))
    assert documented == list(inspect.signature(AnyEstimator).parameters)
    assert documented[0] == "n_components"


# What the pages of the siblings say in words, or set to values, of their own.
OWN_WORDS = {
    "n_components",
    "network",
    "learning_rate_init",
    "early_stopping",
    "init",
    "noise_variance",
    "hidden_layer_sizes",
    "kl_",
    "history_",
    "n_active_components_",
    "net_",
}


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_siblings_share_the_documents_of_what_they_share(section, AnyEstimator):
    ours, theirs = entries(AnyEstimator, section), entries(BetaVAE, section)
    for name in (set(ours) & set(theirs)) - OWN_WORDS - set(AnyEstimator.weights):
        assert ours[name] == theirs[name], name


def test_siblings_share_the_defaults_of_what_they_share(AnyEstimator):
    ours, theirs = AnyEstimator().get_params(), BetaVAE().get_params()
    # losses that change along the training, or with a discriminator, stop nothing
    own = {"n_components", "learning_rate_init", "early_stopping", "init"}
    own |= set(AnyEstimator.weights)
    for name in (set(ours) & set(theirs)) - own:
        assert ours[name] == theirs[name], name


def test_every_parameter_is_constrained(AnyEstimator):
    parameters = set(inspect.signature(AnyEstimator).parameters)
    assert parameters == set(AnyEstimator._parameter_constraints)


@pytest.mark.filterwarnings("ignore:No latent of this")
def test_html_repr(AnyEstimator, digits):
    vae = AnyEstimator(**SMALL, random_state=0)
    assert AnyEstimator.__name__ in estimator_html_repr(vae)
    vae.fit(digits[:100], np.arange(100) % 10)
    assert "n_components" in estimator_html_repr(vae)


def test_unfitted_estimators_pickle(AnyEstimator):
    vae = pickle.loads(pickle.dumps(AnyEstimator(**SMALL)))
    assert vae.get_params() == AnyEstimator(**SMALL).get_params()


def test_public_names():
    for name in sk_bvae.__all__:
        assert hasattr(sk_bvae, name)
