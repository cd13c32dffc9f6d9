"""What holds for every public estimator."""

import inspect
import os
import pickle
import subprocess
import sys

import pytest
from sklearn.utils._repr_html.estimator import estimator_html_repr
from sklearn.utils.estimator_checks import check_estimator

import sk_bvae
from sk_bvae import BetaVAE, CapacityVAE

ESTIMATORS = [BetaVAE, CapacityVAE]
SMALL = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 5}


# Runs only where SCIPY_ARRAY_API=1 is set before scipy is imported: see below.
SKIPPED = {"check_array_api_input"}


def failures(estimator):
    results = check_estimator(estimator, on_fail=None)
    assert len(results) > 40
    assert not any(result["expected_to_fail"] for result in results)
    return [
        (result["check_name"], result["status"], result["exception"])
        for result in results
        if result["status"] != "passed" and result["check_name"] not in SKIPPED
    ]


@pytest.mark.filterwarnings("ignore:No latent of this")  # on a handful of bad rows
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("params", [{}, SMALL], ids=["default", "small"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_estimator_checks(Estimator, params):
    assert failures(Estimator(**params)) == []


def test_estimator_checks_with_the_array_api():
    program = (
        "from sklearn.utils.estimator_checks import check_estimator\n"
        "from sk_bvae import BetaVAE, CapacityVAE\n"
        f"small = {SMALL}\n"
        "for vae in [BetaVAE(**small), CapacityVAE(**small)]:\n"
        "    results = check_estimator(vae, on_fail=None)\n"
        "    bad = [r for r in results if r['status'] != 'passed']\n"
        "    assert not bad, bad\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_nothing_is_marked_non_deterministic(Estimator):
    assert not Estimator().__sklearn_tags__().non_deterministic


def own_parameters(Estimator):
    theirs = set.union(
        *(
            set(inspect.signature(Other).parameters)
            for Other in ESTIMATORS
            if Other is not Estimator
        )
    )
    return set(inspect.signature(Estimator).parameters) - theirs


# What the siblings set differently, each for a reason that its document gives.
OWN_DEFAULTS = {"learning_rate_init"}


def test_siblings_share_the_signature_of_what_they_share():
    first, *others = ESTIMATORS
    for other in others:
        ours, theirs = (
            {
                name: parameter
                for name, parameter in inspect.signature(Estimator).parameters.items()
                if name not in own_parameters(Estimator) | OWN_DEFAULTS
            }
            for Estimator in (first, other)
        )
        assert list(ours.items()) == list(theirs.items())


def documented(Estimator, section):
    """Split a section of a class's docstring into entries by name."""
    text = inspect.getdoc(Estimator).split(f"{section}\n{'-' * len(section)}\n")[1]
    text = text.split("\n\n\n")[0]
    entries, name = {}, None
    for line in text.splitlines():
        if line and not line.startswith(" ") and " : " in line:
            name = line.split(" : ")[0]
            entries[name] = []
        elif line and not line.startswith(" ") and set(line) == {"-"}:
            break
        if name:
            entries[name].append(line)
    return entries


# What the documents of the siblings may say differently.
OWN_WORDS = {
    "n_components",
    *OWN_DEFAULTS,
    "noise_variance",
    "hidden_layer_sizes",
    "history_",
}


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_siblings_share_the_documents_of_what_they_share(section):
    ours, theirs = (documented(Estimator, section) for Estimator in ESTIMATORS)
    shared = (set(ours) & set(theirs)) - OWN_WORDS
    assert len(shared) > 5
    for name in shared:
        assert "\n".join(ours[name]).strip() == "\n".join(theirs[name]).strip(), name


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_parameter_is_constrained(Estimator):
    parameters = set(inspect.signature(Estimator).parameters)
    assert parameters == set(Estimator._parameter_constraints)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_html_repr(Estimator, digits):
    vae = Estimator(**SMALL, random_state=0)
    assert Estimator.__name__ in estimator_html_repr(vae)
    vae.fit(digits[:100])
    assert "n_components" in estimator_html_repr(vae)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_unfitted_estimators_pickle(Estimator):
    vae = pickle.loads(pickle.dumps(Estimator(**SMALL)))
    assert vae.get_params() == Estimator(**SMALL).get_params()


def test_public_names():
    assert sorted(sk_bvae.__all__) == sk_bvae.__all__
    for name in sk_bvae.__all__:
        assert hasattr(sk_bvae, name)
