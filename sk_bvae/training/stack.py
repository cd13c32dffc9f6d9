"""Nets that differ in seed and weights of the objective, trained as one model."""

import torch
from torch.func import functional_call, stack_module_state, vmap

from sk_bvae.nn import Batch
from sk_bvae.training.groups import Grouping
from sk_bvae.training.rows import draw_whole_pass
from sk_bvae.training.step import (
    EpochMeans,
    Game,
    NonFiniteLossError,
    Progress,
    StopTraining,
    backward,
    named_terms,
)


class Stack:
    """Nets of one architecture whose weights are stacked along a leading dimension.

    One vectorised forward and backward, one optimizer for each player, one gather for
    a batch. Each net draws its own order of the rows and its own noise, so each learns
    what it would learn alone.

    Parameters
    ----------
    nets : list of Net
        The nets, ready for training. They differ in nothing but their seeds and the
        weights of their criterion.
    """

    def __init__(self, nets):
        self.nets = nets
        self.failures = {}
        self.progress = Progress()
        self.criterion = nets[0].criterion_
        self.game = Game(nets[0].module_, self.criterion)
        stacked, self.buffers = stack_module_state(
            [Game(net.module_, self.criterion) for net in nets]
        )
        self.leaves = {name: _as_gradients_come(p) for name, p in stacked.items()}
        self.parameters = {name: _as_used(leaf) for name, leaf in self.leaves.items()}
        self.learned = {
            player: [leaf for _, leaf in self._named(player) if leaf.requires_grad]
            for player in nets[0].module_
        }
        self.optimizers = {
            player: self._make_optimizer(player) for player in self.learned
        }
        self.weights = {
            name: self._as_tensor([net.criterion_.weights[name] for net in nets])
            for name in self.criterion.weights
        }
        self._hand_out_views()

    def _named(self, player):
        """Name what a player learns as the player itself names it."""
        start = f"players.{player}."
        return [
            (name.removeprefix(start), leaf)
            for name, leaf in self.leaves.items()
            if name.startswith(start)
        ]

    def _make_optimizer(self, player):
        net = self.nets[0]
        name = net.optimizer_name(player)
        args, kwargs = net.get_params_for_optimizer(name, self._named(player))
        return getattr(net, name)(*args, **kwargs)

    def _as_tensor(self, values):
        like = next(iter(self.parameters.values()))
        return torch.tensor(values, dtype=like.dtype, device=like.device)

    def fit(self, rows, held_out, n_epochs, tasks):
        """Train for a number of epochs, or until a callback or every net stops.

        Parameters
        ----------
        rows : sequence of Rows
            What each net trains on, views of one array and of one length.

        held_out : sequence of Rows or None
            What each net's patience watches the loss on, if it has any.

        n_epochs : int
            How many epochs.

        tasks : EpochTasks
            Where epochs are reported.
        """
        training = Views(rows)
        watched = None if held_out[0] is None else Views(held_out)
        for net in self.nets:
            self._tell_patience(net, "on_train_begin")
        try:
            for _ in range(n_epochs):
                tasks.begin()
                self.train_epoch(training, watched)
                tasks.end()
                if all(map(self._has_ended, self.nets)):
                    break
        except StopTraining:
            pass
        self.unstack()
        for net in self.nets:
            self._tell_patience(net, "on_train_end")

    def _tell_patience(self, net, event):
        if net.patience_ is not None:
            getattr(net.patience_, event)(net)

    def _has_ended(self, net):
        """Say whether a net's training is over, though the stack's is not."""
        exhausted = net.patience_ is not None and net.patience_.is_exhausted_
        return net in self.failures or exhausted

    def train_epoch(self, training, watched=None):
        """Train for one pass over the rows, and write it into the nets' histories."""
        means = {"train": self._train(training)}
        if watched is not None:
            means["valid"] = self._watch(watched)
        for place, net in enumerate(self.nets):
            if self._has_ended(net):
                continue
            own = {
                prefix: {name: mean[place] for name, mean in terms.items()}
                for prefix, terms in means.items()
            }
            self._record(net, own)

    def _train(self, training):
        self.game.train()
        passes = [
            draw_whole_pass(net.generator_, rows, *self._sizes(), training=True)
            for net, rows in zip(self.nets, training.of_nets, strict=True)
        ]
        start, progress = self.progress.epochs, self.progress

        def step(batch, share):
            losses = self.step(batch)
            progress.epochs = start + share
            return losses

        return self._run(training, passes, step)

    def _watch(self, watched):
        """Compute the terms of the held-out rows, as each net alone would."""
        self.game.eval()
        passes = [
            draw_whole_pass(
                torch.Generator().manual_seed(net.seed),
                rows,
                *self._sizes(),
                training=False,
            )
            for net, rows in zip(self.nets, watched.of_nets, strict=True)
        ]

        def look(batch, share):
            with torch.no_grad():
                return self._losses(batch, 1.0)

        return self._run(watched, passes, look)

    def _sizes(self):
        criterion = self.criterion
        return self.nets[0].batch_size, criterion.n_views, criterion.n_noise

    def _run(self, views, passes, step):
        """Run one pass batch by batch, and return the mean of each term."""
        orders, noises, groupings = zip(*passes, strict=True)
        order, noise = torch.stack(orders), torch.stack(noises)
        positions, noise = views.positions_of(order), noise.to(views.rows.device)
        weight = views.weight_of(order[:, 0])
        grouping = _stack_groupings(groupings, views.rows.device)
        size = self.nets[0].batch_size
        n_batches = -(-views.n_rows // size)
        means = EpochMeans(n_batches, size, stacked=True)
        for number in range(n_batches):
            some = slice(number * size, (number + 1) * size)
            x, draws = views.rows[positions[..., some]], noise[..., some, :]
            counts = None if weight is None else weight[:, some]
            batch = Batch(x, draws, views.n_rows, counts)
            if grouping is not None:
                varies, group = grouping.varies[:, number], grouping.group[:, some]
                batch = batch._replace(varies=varies, group=group)
            losses = step(batch, (number + 1) / n_batches)
            means.add(named_terms(losses), x.shape[2])
        return means.read()

    def step(self, batch):
        """Take one step of all nets.

        Parameters
        ----------
        batch : Batch
            Its tensors with a leading dimension for the nets.

        Returns
        -------
        losses : Losses
            With a leading dimension for the nets.
        """
        progress = self._share_done()
        losses = self._losses(batch, progress)
        # No loss depends on another's weights: the sum's gradient is each one's own.
        totals = {player: loss.sum() for player, loss in losses.players.items()}
        backward(totals, self.learned)
        for optimizer in self.optimizers.values():
            optimizer.step()
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        return losses

    def _share_done(self):
        return self.progress.epochs / self.nets[0].max_epochs

    def _losses(self, batch, progress):
        state = self.parameters, self.buffers
        return losses_of_all(self.game, state, batch, progress, self.weights)

    def _record(self, net, means):
        net.progress_.epochs = self.progress.epochs
        net.on_epoch_begin(net)
        try:
            for prefix, terms in means.items():
                net.record_epoch(prefix, terms)
        except NonFiniteLossError as error:
            self.failures[net] = error
        else:
            self._tell_patience(net, "on_epoch_end")

    def _weights_of(self, net):
        """Name the tensors of a net as those of the stack are named."""
        game = Game(net.module_, None)
        return {**dict(game.named_parameters()), **dict(game.named_buffers())}

    def _hand_out_views(self):
        """Let the nets' weights be parts of the stack's."""
        stacked = {**self.parameters, **self.buffers}
        for place, net in enumerate(self.nets):
            for name, tensor in self._weights_of(net).items():
                tensor.data = stacked[name].detach()[place]

    def unstack(self):
        """Give every net weights and optimizers' states of its own."""
        for place, net in enumerate(self.nets):
            for tensor in self._weights_of(net).values():
                tensor.data = tensor.data.clone(memory_format=torch.contiguous_format)
            for player, module in net.module_.items():
                self._hand_out_moments(player, module, net, place)

    def _hand_out_moments(self, player, module, net, place):
        own, states = dict(module.named_parameters()), self.optimizers[player].state
        for name, leaf in self._named(player):
            state = _slice(states.get(leaf, {}), leaf.shape, place)
            net.optimizer_of(player).state[own[name]] = state


class Views:
    """Rows of one array, as many for each net, gathered for all nets at once.

    Parameters
    ----------
    views : sequence of Rows
        Each net's.
    """

    def __init__(self, views):
        self.rows = views[0]
        self.n_rows = len(self.rows)
        self.shared = all(view is self.rows for view in views)
        if not self.shared:
            self.positions = torch.stack([view.positions for view in views])
        self.of_nets = views
        self.weights = [view.weight for view in views]

    def positions_of(self, order):
        """Turn each net's order, (n_nets, n_views, n_rows), into the array's rows."""
        if self.shared:
            return self.rows.positions[order]
        return self.positions[:, None].expand(order.shape).gather(2, order)

    def weight_of(self, order):
        """Look up how much rows count, by each net's order of them; None if alike."""
        if all(weight is None for weight in self.weights):
            return None
        alike = torch.ones(self.n_rows, dtype=torch.float64)
        known = [alike if weight is None else weight for weight in self.weights]
        return torch.stack(known).gather(1, order).float().to(self.rows.device)


def losses_of_all(game, state, batch, progress, weights):
    """Compute the losses of several nets, each of its own batch, in one pass.

    Parameters
    ----------
    game : Game
        One net's.

    state : tuple of dict
        Parameters and buffers, with a leading dimension for the nets.

    batch : Batch
        Its tensors with such a dimension too.

    progress : float
        The share of the training that is done.

    weights : dict of str to Tensor of shape (n_nets,)
        The weights of the objective.

    Returns
    -------
    losses : Losses
        With a leading dimension for the nets.
    """
    fields = batch._asdict().items()
    tensors = {name: field for name, field in fields if isinstance(field, torch.Tensor)}

    def losses_of_one(state, weights, tensors):
        own = batch._replace(**tensors)
        # no two names share a tensor here, and to look for such takes time
        return functional_call(game, state, (own, progress, weights), tie_weights=False)

    return vmap(losses_of_one, randomness="different")(state, weights, tensors)


def _stack_groupings(groupings, device):
    if groupings[0] is None:
        return None
    tensors = zip(*groupings, strict=True)
    return Grouping(*map(torch.stack, tensors)).to(device)


def _as_gradients_come(stacked):
    """Turn matrices over, as the gradients of linear layers' weights come.

    Else every step would copy the gradient in the other order, a sixth of its time.
    """
    if stacked.dim() != 3:
        return stacked
    turned = stacked.detach().mT.contiguous()
    return turned.requires_grad_(stacked.requires_grad)


def _as_used(leaf):
    """Turn matrices back, which copies nothing."""
    return leaf.mT if leaf.dim() == 3 else leaf


def _slice(state, shape, place):
    """Take one net's part of an optimizer's state; step counts have no parts."""

    def own(value):
        if value.shape != shape:
            return value.clone()
        return _as_used(value)[place].clone(memory_format=torch.contiguous_format)

    return {key: own(value) for key, value in state.items()}
