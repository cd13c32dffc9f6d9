"""torch's global settings, as this package needs them."""

from contextlib import ContextDecorator, ExitStack

import torch

CPU = torch.device("cpu")


class OwnDefaults(ContextDecorator):
    """Inside, new tensors are float32 and on the CPU, and gradients are recorded.

    Whoever calls may have set other defaults, or be inside `torch.no_grad`; what is
    computed here depends on neither. As a decorator it does this for a function.
    """

    def __enter__(self):
        """Set what differs."""
        self._exits = ExitStack()
        before = torch.get_default_dtype()
        if before != torch.float32:
            torch.set_default_dtype(torch.float32)
            self._exits.callback(torch.set_default_dtype, before)
        # as a context a device looks at every call of torch: half as long a step again
        if torch.get_default_device() != CPU:
            self._exits.enter_context(CPU)
        self._exits.enter_context(torch.inference_mode(False))
        self._exits.enter_context(torch.enable_grad())
        return self

    def __exit__(self, *error):
        """Put back what was set."""
        return self._exits.__exit__(*error)

    def _recreate_cm(self):
        """Give each call of a decorated function a context of its own."""
        return OwnDefaults()
