"""Every public name is documented in full, by numpydoc's own validation."""

import importlib
import inspect

import pytest
from numpydoc.validate import validate

PUBLIC_MODULES = [
    "sk_bvae",
    "sk_bvae.callbacks",
    "sk_bvae.datasets",
    "sk_bvae.estimators",
    "sk_bvae.inspection",
    "sk_bvae.metrics",
    "sk_bvae.model_selection",
    "sk_bvae.nn",
]

# ES01: a one-line summary can be enough. SA01: not everything has a relative.
# RT02: scikit-learn names what is returned. SS02: beta-VAE is written small.
WAIVED = {"ES01", "SA01", "RT02", "SS02", "SS05"}
# A method's example is its class's.
WAIVED_OF_METHODS = {"EX01"}
# What scikit-learn, skorch or torch wrote.
FOREIGN = ("sklearn.", "skorch.", "torch.")


def public_objects():
    for module_name in PUBLIC_MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            yield f"{module_name}.{name}", set()
            thing = getattr(module, name)
            if inspect.isclass(thing):
                yield from methods(f"{module_name}.{name}", thing)


def methods(path, cls):
    for name, method in inspect.getmembers(cls):
        own = getattr(method, "__module__", "") or ""
        if name.startswith("_") or not inspect.isfunction(method):
            continue
        inherited = method.__doc__ is None and inspect.getdoc(method)
        if inherited:  # from a public class, which is held to it
            continue
        if not own.startswith(FOREIGN) and own.startswith("sk_bvae"):
            yield f"{path}.{name}", WAIVED_OF_METHODS


@pytest.mark.parametrize(("path", "waived"), list(public_objects()))
def test_docstring(path, waived):
    errors = validate(path)["errors"]
    assert [error for error in errors if error[0] not in WAIVED | waived] == []
