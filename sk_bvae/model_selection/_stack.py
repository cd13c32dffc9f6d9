"""Nets that differ in seed and objective, trained as one model."""

import copy

import torch
from torch.func import functional_call, stack_module_state, vmap

from sk_bvae._net import EpochMeans, NonFiniteLossError, Progress
from sk_bvae.nn import Terms
from sk_bvae.nn._rows import draw_pass


class Stack:
    """Nets of one architecture whose weights are stacked along a leading dimension.

    One vectorised forward and backward, one optimizer, one gather for a batch. Each
    net draws its own order of the rows and its own noise, so each learns what it
    would learn alone.

    Parameters
    ----------
    estimators : list of BaseVAE
        What the nets belong to. They differ in nothing but ``random_state`` and the
        scalars of their objective.

    nets : list of VAENet
        Their nets, ready for training.
    """

    def __init__(self, estimators, nets):
        self.nets = nets
        self.failures = {}
        self.progress = Progress()
        self.module = nets[0].vae_
        self.parameters, self.buffers = stack_module_state([net.vae_ for net in nets])
        self.optimizer = self._make_optimizer()
        # Reads its scalars where a lone estimator reads its parameters.
        self.objective = copy.copy(estimators[0])
        self.scalars = {
            name: self._as_tensor([getattr(one, name) for one in estimators])
            for name in estimators[0]._objective_scalars
        }
        self.terms_of_all = vmap(self._terms_of_one, randomness="different")

    def _make_optimizer(self):
        net, named = self.nets[0], list(self.parameters.items())
        args, kwargs = net.get_params_for_optimizer("optimizer", named)
        return net.optimizer(*args, **kwargs)

    def _as_tensor(self, values):
        like = next(iter(self.parameters.values()))
        return torch.tensor(values, dtype=like.dtype, device=like.device)

    def train_epoch(self, rows):
        """Train for one pass over the rows, and write it into the nets' histories."""
        self.module.train()
        means, size = EpochMeans(), self.nets[0].batch_size
        start = self.progress.epochs
        passes = [
            draw_pass(net.generator_, len(rows), self.module.n_components)
            for net in self.nets
        ]
        order, noise = (torch.stack(drawn) for drawn in zip(*passes, strict=True))
        noise = noise.to(rows.device)
        n_batches = -(-len(rows) // size)
        for number in range(n_batches):
            some = slice(number * size, (number + 1) * size)
            means.add(*self.step(rows[order[:, some]], noise[:, some]))
            self.progress.epochs = start + (number + 1) / n_batches
        self._record(*means.read())

    def step(self, x, noise):
        """Take one step of all nets.

        Parameters
        ----------
        x : Tensor of shape (n_nets, n_samples, n_features)
            A batch for each net.

        noise : Tensor of shape (n_nets, n_samples, n_components)
            Noise for each net's latents.

        Returns
        -------
        loss : Tensor of shape (n_nets,)
            The losses.

        nll : Tensor of shape (n_nets, n_samples)
            Negative log-likelihoods.

        kl : Tensor of shape (n_nets, n_samples, n_components)
            Divergences.
        """
        loss, nll, kl = self.terms_of_all(
            self.parameters, self.buffers, self.scalars, x, noise
        )
        # No loss depends on another's weights: the sum's gradient is each one's own.
        loss.sum().backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss, nll, kl

    def _terms_of_one(self, parameters, buffers, scalars, x, noise):
        state = {**parameters, **buffers}
        nll, kl = functional_call(self.module, state, (x, noise))
        vars(self.objective).update(scalars)
        progress = self.progress.epochs / self.nets[0].max_epochs
        return self.objective._objective(Terms(nll, kl), progress), nll, kl

    def _record(self, losses, reconstructions, kls):
        for net, *means in zip(self.nets, losses, reconstructions, kls, strict=True):
            if net in self.failures:
                continue
            net.progress_.epochs = self.progress.epochs
            net.on_epoch_begin(net)
            try:
                net.record_terms("train", *means)
            except NonFiniteLossError as error:
                self.failures[net] = error

    def unstack(self):
        """Give every net its weights and the state of its optimizer."""
        stacked = {**self.parameters, **self.buffers}
        with torch.no_grad():
            for place, net in enumerate(self.nets):
                own = {
                    **dict(net.vae_.named_parameters()),
                    **dict(net.vae_.named_buffers()),
                }
                for name, tensor in own.items():
                    tensor.copy_(stacked[name][place])
                for name, parameter in net.vae_.named_parameters():
                    state = self.optimizer.state.get(self.parameters[name], {})
                    net.optimizer_.state[parameter] = _slice(state, parameter, place)


def _slice(state, parameter, place):
    """Take one net's part of an optimizer's state; step counts have no parts."""

    def own(value):
        has_parts = value.dim() > 0 and value.shape[1:] == parameter.shape
        return value[place].clone() if has_parts else value.clone()

    return {key: own(value) for key, value in state.items()}
