import torch

from sk_bvae.nn import VAE, Bernoulli, gaussian_kl, mlp


def make(order):
    torch.manual_seed(0)
    encoder, decoder = mlp(4, 3, hidden_layer_sizes=(), activation="relu")
    vae = VAE(encoder, decoder, Bernoulli(), 3)
    vae.order.copy_(torch.tensor(order))
    return vae.requires_grad_(False)


def test_order_rearranges_latents_and_nothing_else():
    plain, ordered = make([0, 1, 2]), make([2, 0, 1])
    x = torch.rand(5, 4)
    for before, after in zip(plain.posterior(x), ordered.posterior(x), strict=True):
        torch.testing.assert_close(after, before[:, [2, 0, 1]])
    mean, _ = plain.posterior(x)
    torch.testing.assert_close(ordered.decode(mean[:, [2, 0, 1]]), plain.decode(mean))


def test_terms_do_not_depend_on_the_order():
    x, noise = torch.rand(5, 4), torch.randn(5, 3)
    plain, ordered = make([0, 1, 2])(x, noise), make([2, 0, 1])(x, noise)
    for before, after in zip(plain, ordered, strict=True):
        torch.testing.assert_close(after, before)


def test_terms_are_the_parts_put_together():
    vae = make([0, 1, 2])
    x, noise = torch.rand(5, 4), torch.randn(5, 3)
    terms = vae(x, noise)
    mean, log_variance = vae.posterior(x)
    z = mean + (log_variance / 2).exp() * noise
    torch.testing.assert_close(terms.z, z)
    torch.testing.assert_close(vae.draw(x, noise), z)
    torch.testing.assert_close(vae.decode_mean(z), vae.decode(z).sigmoid())
    torch.testing.assert_close(terms.kl, gaussian_kl(mean, log_variance))
    torch.testing.assert_close(terms.nll, vae.likelihood.nll(vae.decode(z), x))
