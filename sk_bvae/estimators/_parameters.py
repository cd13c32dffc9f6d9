"""The parameters of every model: fields, constraints and documents, written once."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias, TypeVar, dataclass_transform

import torch
from torch import nn

from sk_bvae.nn._networks import ACTIVATIONS, Activation
from sk_bvae.utils._sklearn import Interval, StrOptions
from sk_bvae.utils._types import Ints, RandomState

Model = TypeVar("Model")
Solver: TypeAlias = (
    Literal["adam", "adagrad", "adamw", "rmsprop"] | type[torch.optim.Optimizer]
)

# A line of letters, underlined.
HEADING = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)
# A type that a backslash continues on the next line.
CONTINUED = re.compile(r", +default")
# Sections whose entries a model takes over from the classes that it stands on.
SHARED_SECTIONS = ("Parameters", "Attributes")


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
def with_parameters(model: type[Model]) -> type[Model]:
    """Give a model its constructor, and the documents that it shares.

    Annotated names of the class become parameters, to be passed by name; ``beta: float
    = 4.0`` is one with a default. They stand after ``n_components`` and before those
    that the class takes over. Entries of the sections "Parameters" and "Attributes"
    that the class's docstring lacks come from its base.

    Parameters
    ----------
    model : type
        The class, below `BaseVAE` or a model of this package.

    Returns
    -------
    model : type
        The same class.

    Examples
    --------
    >>> from sk_bvae import BetaVAE
    >>> from sk_bvae.estimators import with_parameters
    >>> @with_parameters
    ... class PricedVAE(BetaVAE):
    ...     price: float = 1.0
    >>> PricedVAE(price=2.0)
    PricedVAE(price=2.0)
    """
    base, document = model.__mro__[1], model.__dict__.get("__doc__")
    dataclass(kw_only=True, eq=False, repr=False)(model)
    signature = inspect.signature(model.__init__)
    names = _parameter_names(signature, inspect.signature(base))
    ordered = [signature.parameters[name] for name in ("self", *names)]
    own_signature = signature.replace(parameters=ordered)
    model.__init__.__signature__ = own_signature  # type: ignore[attr-defined]
    model.__doc__ = _merge_documents(document or "", base.__doc__ or "", names)
    return model


def _parameter_names(signature, of_base):
    """List the parameters: the positional ones, the model's own, and those taken over.

    dataclasses alone would put a model's own parameters last.
    """
    _, *parameters = signature.parameters.values()
    positional = [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]
    own = [one.name for one in parameters if one.name not in of_base.parameters]
    return list(dict.fromkeys([*positional, *own, *of_base.parameters]))


def _merge_documents(own, base, parameters):
    """Complete a class's docstring by the entries of its base's."""
    head, sections = _split_document(own)
    _, taken_over = _split_document(base)
    merged = {}
    for title in SHARED_SECTIONS:
        base_entries = _split_entries(taken_over.get(title, ""))
        entries = base_entries | _split_entries(sections.pop(title, ""))
        new = [name for name in entries if name not in base_entries]
        order = parameters if title == "Parameters" else [*new, *base_entries]
        merged[title] = "\n\n".join(entries[name] for name in order if name in entries)
    parts = [
        f"{title}\n{'-' * len(title)}\n{text}"
        for title, text in {**merged, **sections}.items()
        if text
    ]
    return "\n\n".join([head, *parts]) + "\n"


def layer_sizes(hidden_layer_sizes):
    """Make a tuple of ``hidden_layer_sizes``, which may be a single number."""
    try:
        return tuple(hidden_layer_sizes)
    except TypeError:
        return (hidden_layer_sizes,)


def _split_document(document):
    """Split a docstring into what comes first and its sections by title."""
    head, *rest = HEADING.split(inspect.cleandoc(document) + "\n")
    sections = {
        title: text.strip("\n")
        for title, text in zip(rest[::2], rest[1::2], strict=True)
    }
    return head.strip(), sections


def _split_entries(section):
    """Split a section into its entries by name."""
    entries = re.split(r"^(?=\S)", section, flags=re.MULTILINE)
    return {
        entry.split(" : ")[0]: CONTINUED.sub(", default", entry.strip("\n"))
        for entry in entries
        if entry.strip()
    }


@dataclass(kw_only=True, eq=False, repr=False)
class SharedParameters:
    """What every model lets its user set.

    Parameters
    ----------
    n_components : int, default=10
        Number of latents. More than needed do no harm: the surplus stays at the
        prior and is sorted last.

    network : str or callable, default="mlp"
        What the players are made of. "mlp" is described by ``hidden_layer_sizes``
        and ``activation``.

    hidden_layer_sizes : int or array-like of int, default=(128, 128)
        Hidden units of the encoder of "mlp"; the decoder mirrors them. ``()`` makes
        both affine.

    activation : {"identity", "logistic", "relu", "silu", "tanh"}, default="relu"
        What follows each hidden layer of "mlp".

    image_shape : tuple of int, default=None
        What the rows of X are, (height, width) or (channels, height, width), for
        the convolutional networks. None takes them for square grey images.

    solver : {"adam", "adagrad", "adamw", "rmsprop"} or Optimizer class, \
            default="adam"
        The optimizer, fused where torch has it so.

    learning_rate_init : float, default=1e-3
        The step size. "higgins_fc" does better with 3e-4 on a few thousand images.

    batch_size : int, default=64
        Rows per step, or all of them where X has fewer.

    max_iter : int, default=200
        Epochs, that is passes over X; at most, where training can stop early.

    warm_start : bool, default=False
        Whether `fit` goes on from the last fit's weights.

    device : str or torch.device, default="auto"
        Where to compute. "auto" takes CUDA where there is a GPU, else the CPU.

    precision : {"auto", "bfloat16", "float32"}, default="auto"
        What the networks multiply in while they train. Weights, the optimizer's
        moments, the layers next to the latents and all that comes out of a network are
        float32 in any case, and so is whatever a fitted model computes. "auto" takes
        bfloat16 where the hardware multiplies it faster and a step is mostly
        multiplication: more than 2e8 operations on a CPU, which those of small tables
        never have.

    random_state : int, RandomState instance or None, default=None
        Draws the initial weights, the order of the rows and the noise. An int makes
        fits repeatable to the bit, on the same type of CPU with the same number of
        threads. No global random state is read or written, also with None.

    verbose : int, default=0
        Whether to print a line per epoch. For a bar, see
        :class:`sklearn.callback.ProgressBar`.

    net_params : dict, default=None
        Further parameters of :class:`skorch.net.NeuralNet`, such as ``callbacks``,
        ``optimizer__weight_decay`` or ``compile``.
    """

    n_components: int = field(default=10, kw_only=False)
    network: str | Callable[..., tuple[nn.Module, ...]] = "mlp"
    hidden_layer_sizes: Ints = (128, 128)
    activation: Activation = "relu"
    image_shape: Sequence[int] | None = None
    solver: Solver = "adam"
    learning_rate_init: float = 1e-3
    batch_size: int = 64
    max_iter: int = 200
    warm_start: bool = False
    device: str | torch.device = "auto"
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    random_state: RandomState = None
    verbose: int = 0
    net_params: dict[str, Any] | None = None

    _parameter_constraints = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "network": [str, callable],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "image_shape": [tuple, list, None],
        "solver": [StrOptions({"adam", "adagrad", "adamw", "rmsprop"}), type],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", "bfloat16", "float32"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "net_params": [dict, None],
    }
