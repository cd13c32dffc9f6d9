"""The optimizers that an estimator's ``solver`` names, and how skorch is told."""

from operator import is_

import torch


class Adam(torch.optim.Adam):
    """torch's fused Adam, to the bit, in half the time a step on small networks.

    Where a network has a few thousand weights, torch's own spends more time on sorting
    the tensors and on counting their steps one by one than on the arithmetic. Here one
    addition counts for all of them, and what they hold goes to the same kernel at once.
    What is not usual, as ``amsgrad``, is left to torch's own step, and so is the first.
    """

    # A tensor of all counters, and the counters, which are parts of it.
    _counters = None, ()

    def step(self, closure=None):
        """Take a step.

        Parameters
        ----------
        closure : callable, default=None
            Computes the loss once more; torch's own step sees to it.

        Returns
        -------
        loss : Tensor or None
            What `closure` returned.
        """
        group = self.param_groups[0]
        learned = [p for p in group["params"] if p.grad is not None]
        states = [self.state[parameter] for parameter in learned]
        has_begun = all(states)  # what torch's first step makes
        if closure is not None or not (has_begun and self._is_usual(group)):
            return _torch_step()(self, closure)
        if learned:
            with torch.no_grad():
                self._step_at_once(group, learned, states)
        return None

    def _is_usual(self, group):
        """Say whether a step is what `_step_at_once` does."""
        return (
            len(self.param_groups) == 1
            and group["fused"]
            and not group["amsgrad"]
            and not group.get("decoupled_weight_decay")  # unknown before torch 2.7
            and getattr(self, "grad_scale", None) is None  # set by a GradScaler
        )

    def _step_at_once(self, group, learned, states):
        self._count(states)
        beta1, beta2 = group["betas"]
        torch._fused_adam_(
            learned,
            [parameter.grad for parameter in learned],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=group["maximize"],
        )

    def _count(self, states):
        """Count a step, once the counters are parts of one tensor.

        They are not at first, nor after a state was loaded, or a parameter joined.
        """
        together, parts = self._counters
        counters = [state["step"] for state in states]
        if len(counters) != len(parts) or not all(map(is_, counters, parts)):
            together = torch.stack(counters)
            parts = together.unbind()
            self._counters = together, parts
            for state, counter in zip(states, parts, strict=True):
                state["step"] = counter
        together.add_(1)


def _torch_step():
    """Return the step of torch's Adam without its hooks: ours has called them."""
    step = torch.optim.Adam.step
    return step.__wrapped__ if getattr(step, "hooked", False) else step


SOLVERS = {
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
# What is faster on a device than torch's own.
FASTER_SOLVERS = {("adam", "cpu"): Adam}
FUSED_SOLVERS = {"adagrad", "adam", "adamw"}
FUSED_DEVICES = {"cpu", "cuda"}


def solver_params(name, solver, device):
    """Name an optimizer for skorch, fused where torch has a fused one.

    Parameters
    ----------
    name : str
        What skorch calls it.

    solver : str or Optimizer class
        Which one it is.

    device : torch.device
        Where it computes.

    Returns
    -------
    params : dict
        Parameters of the net.
    """
    optimizer = SOLVERS.get(solver, solver)
    params = {name: FASTER_SOLVERS.get((solver, device.type), optimizer)}
    if solver in FUSED_SOLVERS and device.type in FUSED_DEVICES:
        params[f"{name}__fused"] = True
    return params
