"""What importing the package costs: torch comes with the estimators alone."""

import pkgutil
import subprocess
import sys

import pytest

import sk_bvae


def modules_after(statement):
    program = f"{statement}\nimport sys; print(*sys.modules)"
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.parametrize(
    "statement",
    [
        "import sk_bvae; sk_bvae.__version__; dir(sk_bvae)",
        "import sk_bvae.metrics",
        "from sk_bvae import datasets, metrics",
    ],
)
def test_metrics_and_datasets_do_without_torch(statement):
    assert not {"torch", "skorch"} & set(modules_after(statement))


@pytest.mark.parametrize(
    "statement", ["from sk_bvae import BetaVAE", "from sk_bvae import *; CapacityVAE"]
)
def test_estimators_come_when_asked_for(statement):
    modules = modules_after(statement)
    assert "torch" in modules
    assert not {"onnx", "onnxscript", "skl2onnx"} & set(modules)


def test_submodules_come_when_asked_for():
    public = {
        module.name
        for module in pkgutil.iter_modules(sk_bvae.__path__)
        if module.name not in ("training", "utils")
    }
    assert public == sk_bvae._SUBMODULES < set(dir(sk_bvae))
    program = "import sk_bvae; print(sk_bvae.metrics.mutual_info_gap)"
    assert not {"torch"} & set(modules_after(program))
    # each as the first of all; to import torch anew for each would take long
    program = (
        "import sys\n"
        f"for name in {sorted(public)}:\n"
        "    import sk_bvae\n"
        "    getattr(sk_bvae, name).__all__\n"
        "    for ours in [key for key in sys.modules if key.startswith('sk_bvae')]:\n"
        "        del sys.modules[ours]\n"
    )
    modules_after(program)


def test_every_public_name_has_a_page():
    assert set(sk_bvae._PAGES) == set(sk_bvae.__all__)
    assert set(sk_bvae.__all__) < set(dir(sk_bvae))
    with pytest.raises(AttributeError, match="'sk_bvae' has no attribute 'GammaVAE'"):
        sk_bvae.GammaVAE  # noqa: B018
