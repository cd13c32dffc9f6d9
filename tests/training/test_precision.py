import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sk_bvae import BetaVAE, FactorVAE, InfoGAN
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.model_selection._trial import Trial
from sk_bvae.nn import VAE, Bernoulli, mlp
from sk_bvae.nn._gan import SpectralNorm
from sk_bvae.nn._networks import build_networks
from sk_bvae.nn._precision import MixedPrecision, MixedSequential
from sk_bvae.training import precision
from sk_bvae.training.precision import _counted_flops

pytestmark = pytest.mark.filterwarnings("ignore:precision=:UserWarning")

SMALL = {"beta": 0.1, "max_iter": 2, "random_state": 0, "device": "cpu"}
LARGE = {"hidden_layer_sizes": (512, 512), "batch_size": 512, **SMALL}


@pytest.fixture
def images(digits):
    return digits[:600]


@pytest.fixture
def fast_hardware(monkeypatch):
    """Let bfloat16 count as faster here, whatever the CPU."""
    monkeypatch.setattr(precision, "multiplies_faster", lambda device: True)


def multiplies_in(vae):
    (kind,) = {
        module.multiplies_in
        for module in vae.net_.module_.modules()
        if isinstance(module, MixedPrecision)
    }
    return kind


@pytest.mark.usefixtures("small_discriminator")
@pytest.mark.filterwarnings("ignore:No latent:UserWarning")
@pytest.mark.parametrize("model", [BetaVAE(**SMALL), FactorVAE(), InfoGAN()])
def test_bfloat16_repeats_to_the_bit(model, images):
    model.set_params(precision="bfloat16", max_iter=2, random_state=0)
    first, second = (clone(model).fit(images).transform(images) for _ in range(2))
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_bfloat16_learns_what_float32_learns(images, likelihood):
    """Not to the bit, which shows that it is another precision indeed."""
    params = {"likelihood": likelihood, "early_stopping": False}
    vae = BetaVAE(**{**SMALL, **params, "max_iter": 10})

    def score(kind, seed):
        vae.set_params(precision=kind, random_state=seed)
        return vae.fit(images).score(images)

    # one fit ends a tenth of a nat above or below the other, as the rounding falls
    differences = [
        score("bfloat16", seed) - score("float32", seed) for seed in range(4)
    ]
    assert all(differences)
    assert np.mean(differences) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("network", ["mlp", "higgins_fc", "burgess_conv"])
def test_what_is_next_to_the_latents_multiplies_in_float32(network):
    """Latents of many nats need more than the 8 bits of bfloat16."""
    sizes = {"hidden_layer_sizes": (16,), "activation": "relu", "image_shape": None}
    encoder, decoder = build_networks(network, 256, 3, linear_path=True, **sizes)
    x, z = torch.rand(8, 256), torch.randn(8, 3)
    beside = [m for m in decoder.modules() if getattr(m, "in_features", None) == 3]
    expected = [layer(z) for layer in beside]
    with torch.autocast("cpu", torch.bfloat16):
        posterior = encoder(x)
        products = [layer(z) for layer in beside]
    assert posterior.dtype == torch.float32
    assert (posterior != posterior.bfloat16()).double().mean() > 0.9
    assert len(products) == (2 if network == "mlp" else 1)
    for product, exact in zip(products, expected, strict=True):
        torch.testing.assert_close(product, exact, rtol=0, atol=0)


def test_everything_but_the_networks_is_float32(images):
    vae = BetaVAE(precision="bfloat16", **SMALL).fit(images)
    module = vae.net_.module_["vae"].train()
    assert module.multiplies_in == torch.bfloat16
    seen = []
    module.encoder.network[0].register_forward_hook(
        lambda layer, inputs, output: seen.append(output.dtype)
    )
    terms = module(torch.tensor(images), torch.zeros(len(images), 10))
    assert seen == [torch.bfloat16]
    assert {term.dtype for term in terms} == {torch.float32}
    assert {weight.dtype for weight in module.parameters()} == {torch.float32}
    moments = vae.net_.optimizer_.state.values()
    assert {state["exp_avg"].dtype for state in moments} == {torch.float32}


def test_gradients_are_nearly_those_of_float32(images):
    torch.manual_seed(0)
    encoder, decoder = mlp(64, 5, hidden_layer_sizes=(32,), activation="tanh")
    vae = VAE(encoder, decoder, Bernoulli(), n_components=5)
    x, noise = torch.tensor(images), torch.randn(len(images), 5)
    gradients = []
    for kind in (None, torch.bfloat16):
        vae.multiplies_in = kind
        terms = vae(x, noise)
        loss = (terms.nll + terms.kl.sum(dim=1)).mean()
        gradients.append(torch.autograd.grad(loss, list(vae.parameters())))
    for exact, mixed in zip(*gradients, strict=True):
        assert not torch.equal(exact, mixed)
        assert (exact - mixed).norm() < 0.02 * exact.norm()


def test_a_fitted_model_computes_in_float32(images):
    vae = BetaVAE(precision="bfloat16", **SMALL).fit(images)
    Z = vae.transform(images)
    for module in vae.net_.module_.modules():
        module.multiplies_in = None
    np.testing.assert_array_equal(vae.transform(images), Z)


def test_auto_takes_bfloat16_for_large_steps(images, fast_hardware):
    assert multiplies_in(BetaVAE(**LARGE).fit(images)) == torch.bfloat16
    assert multiplies_in(BetaVAE(**SMALL).fit(images)) is None
    assert multiplies_in(BetaVAE(precision="float32", **LARGE).fit(images)) is None
    # batches have no more rows than there are
    assert multiplies_in(BetaVAE(**LARGE).fit(images[:40])) is None


def test_auto_takes_bfloat16_where_it_is_faster_only(images, monkeypatch):
    monkeypatch.setattr(precision, "multiplies_faster", lambda device: False)
    assert multiplies_in(BetaVAE(**LARGE).fit(images)) is None


@pytest.mark.filterwarnings("ignore:No latent:UserWarning")
def test_convolutions_are_counted(rng, fast_hardware):
    images = rng.random((64, 32 * 32), dtype=np.float32)
    vae = BetaVAE(network="burgess_conv", likelihood="bernoulli", **SMALL)
    assert multiplies_in(vae.fit(images)) == torch.bfloat16
    vae.set_params(batch_size=2)
    assert multiplies_in(vae.fit(images)) is None


def test_precision_may_change_between_fits(images):
    vae = BetaVAE(precision="bfloat16", warm_start=True, **SMALL).fit(images)
    vae.set_params(precision="float32").fit(images)
    assert multiplies_in(vae) is None
    assert vae.n_iter_ == 4


@pytest.mark.filterwarnings("error")
def test_it_is_said_where_bfloat16_is_not_faster(images, monkeypatch):
    monkeypatch.setattr(precision, "multiplies_faster", lambda device: False)
    vae = BetaVAE(precision="bfloat16", **SMALL)
    with pytest.warns(UserWarning, match="multiplies no faster"):
        vae.fit(images)
    monkeypatch.setattr(precision, "multiplies_faster", lambda device: True)
    vae.fit(images)


def test_a_wrong_precision_is_named(images):
    with pytest.raises(ValueError, match="'precision' parameter of BetaVAE"):
        BetaVAE(precision="float16").fit(images)


def test_a_stack_multiplies_as_lone_fits_do(images):
    vae = BetaVAE(precision="bfloat16", early_stopping=False, **SMALL)
    search = ReplicaGridSearch(
        vae, {}, n_replicas=2, random_state=0, return_estimators=True
    ).fit(images)
    for stacked in search.estimators_[0]:
        assert multiplies_in(stacked) == torch.bfloat16
        lone = clone(stacked).fit(images)
        np.testing.assert_allclose(stacked.loss_curve_, lone.loss_curve_, rtol=1e-3)
        exact = clone(stacked).set_params(precision="float32").fit(images)
        assert not (stacked.loss_curve_ == exact.loss_curve_).any()


def test_operations_of_linear_layers_are_counted_as_torch_counts_them():
    vae = BetaVAE(hidden_layer_sizes=(16, 8), n_components=3)
    trial = Trial(vae, 20)
    one_row = trial.losses
    with torch.no_grad():
        counted = _counted_flops(lambda: one_row(1))
    assert trial.step_flops(32) == 3 * 32 * counted


def test_a_chain_of_layers_is_what_it_is_without():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    mixed = MixedSequential(*plain)
    x = torch.randn(5, 4)
    assert torch.equal(plain(x), mixed(x))
    assert plain.state_dict().keys() == mixed.state_dict().keys()
    mixed.multiplies_in = torch.bfloat16
    assert mixed(x).dtype == torch.float32
    assert not torch.equal(plain(x), mixed(x))
    assert torch.equal(plain(x), mixed.eval()(x))


def test_spectral_norms_are_exact_within_autocast():
    torch.manual_seed(0)
    layer = SpectralNorm(nn.Linear(32, 16, bias=False))
    weight = layer.layer.weight
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(50):
            layer(torch.ones(1, 32))
    largest = torch.linalg.matrix_norm(weight, 2)
    left = layer.direction
    assert (weight.mT @ left).norm().item() == pytest.approx(largest.item(), rel=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        row = layer(torch.ones(1, 32)).float()
    exact = (weight.sum(dim=1) / largest).unsqueeze(0)
    torch.testing.assert_close(row, exact, rtol=0.02, atol=0.02)
