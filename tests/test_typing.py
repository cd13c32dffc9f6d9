"""What a type checker sees: public names are annotated, and wrong calls are found."""

import inspect
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import sk_bvae

ROOT = Path(sk_bvae.__file__).parent

# scikit-learn has no types of its own, and a class that stands on untyped ones takes
# any parameter. What the models stand on is read from its source, as some checkers do.
SETTINGS = """\
[mypy]
python_version = 3.11
mypy_path = {path}

[mypy-sk_bvae.*]
follow_imports = silent

[mypy-sklearn.*,scipy.*,skorch.*,torch.*,joblib.*,matplotlib.*,h5py.*,pooch.*]
follow_imports = skip
ignore_missing_imports = True
"""
READ = """
[mypy-sklearn,sklearn.base,sklearn.callback.*,sklearn.utils._metadata_requests,\
sklearn.utils._repr_html.*,sklearn.utils._set_output]
follow_imports = silent
follow_untyped_imports = True
"""

CALLS = """\
import numpy as np
from sk_bvae import BetaVAE
from sk_bvae.datasets import make_blobs2d
from sk_bvae.estimators import BaseVAE, with_parameters
from sk_bvae.inspection import LatentTraversalDisplay
from sk_bvae.metrics import mutual_info_gap
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.nn import Batch, Losses
from sk_bvae.nn import Players  # attr-defined
from sk_bvae import GammaVAE  # attr-defined

@with_parameters
class PricedVAE(BaseVAE):
    price: float = 1.0
    weights = ("price",)

    @staticmethod
    def objective(players: dict, batch: Batch, *, price: float) -> Losses:
        return Losses({}, {})

PricedVAE(3, price=2, beta=2)  # call-arg
BetaVAE(beta=2, random_state=np.random.RandomState(0), hidden_layer_sizes=())
BetaVAE(bta=2)  # call-arg
BetaVAE(beta="x")  # arg-type
BetaVAE(activation="rely")  # arg-type
vae = BetaVAE(5).fit([[0.0, 1.0]])
vae.kl_.shape, vae.beta_norm_ + vae.beta
vae.kl  # attr-defined
vae.transform(np.zeros((3, 2))).shape
vae.sample("three")  # arg-type
vae.fit(vae.fit)  # arg-type
X, Y = make_blobs2d(return_X_y=True)
make_blobs2d().images
mutual_info_gap(X, Y) + ""  # operator
mutual_info_gap(X, Y, bins=20)  # call-arg
LatentTraversalDisplay.from_estimator(vae, kind="line").traversals  # arg-type
ReplicaGridSearch(vae, {"beta": [1]}, n_replicas="ten")  # arg-type
ReplicaGridSearch(vae, [{}]).fit(X, Y).transform(X).shape
"""


def public_functions():
    """Find every function that a user can call: functions, methods, constructors."""
    for page in pkgutil.iter_modules(sk_bvae.__path__, "sk_bvae."):
        module = import_module(page.name)
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            yield from methods(thing) if inspect.isclass(thing) else [thing]
    for name in sk_bvae.__all__:
        yield from methods(getattr(sk_bvae, name))


def methods(cls):
    ours = [base for base in cls.__mro__ if base.__module__.startswith("sk_bvae.")]
    for name, member in [item for base in ours for item in vars(base).items()]:
        if isinstance(member, property):
            member = member.fget
        member = inspect.unwrap(getattr(member, "__func__", member))
        public = name == "__init__" or not name.startswith("_")
        if public and inspect.isfunction(member):
            yield member


def named(function):
    return f"{function.__module__}.{function.__qualname__}"


FUNCTIONS = sorted({*public_functions()}, key=named)


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
def test_everything_is_annotated(function):
    signature = inspect.signature(function)
    bare = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is parameter.empty and name not in ("self", "cls")
    ]
    assert bare == []
    assert signature.return_annotation is not signature.empty


def test_the_package_says_that_it_has_types():
    assert (ROOT / "py.typed").exists()


def test_checker_finds_the_wrong_calls(tmp_path):
    api = pytest.importorskip("mypy.api")
    settings, calls = tmp_path / "mypy.ini", tmp_path / "calls.py"
    settings.write_text(SETTINGS.format(path=ROOT.parent) + READ)
    calls.write_text(CALLS)
    options = ("--config-file", settings, "--cache-dir", tmp_path / "cache")
    out, err, _ = api.run([*map(str, (*options, calls)), "--no-error-summary"])
    assert err == ""
    found = [
        (int(line.split(":")[1]), line.rsplit("[", 1)[1].rstrip("]"))
        for line in out.splitlines()
        if ": error: " in line
    ]
    wanted = [
        (number, line.split("  # ")[1])
        for number, line in enumerate(CALLS.splitlines(), start=1)
        if "  # " in line
    ]
    assert found == wanted, out
