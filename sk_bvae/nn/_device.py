"""Where to compute."""

import torch


def resolve_device(device):
    """Turn the parameter ``device`` into a device that exists here."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(device)
        torch.empty(0, device=device)
    except Exception as error:  # each backend has errors of its own
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(
            f'device="{device}" is not available here ({reason}); "auto" takes a GPU '
            'where there is one, and "cpu" is always there.'
        ) from error
    return device
