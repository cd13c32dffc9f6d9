"""ONNX: what skl2onnx asks of a model, which it gets from torch's own exporter."""

import logging
import warnings
from contextlib import contextmanager
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import nn
from torch.export import Dim

from sk_bvae.nn._defaults import OwnDefaults

# What ``options`` of `skl2onnx.to_onnx` may hold.
OF_THE_ENCODER = ("return_std", "return_reconstruction")
OPTIONS = (*OF_THE_ENCODER, "inverse_transform")

# torch would take a single row for a constant.
EXAMPLE_ROWS = 2

# The oldest version of ONNX's operators that torch writes; it cannot be trusted to
# convert to an older one, whatever it says.
OLDEST_OPSET = 18

# torch rounds gain x + offset once, ONNX twice. Where the offset is beyond this, the
# first rounding shows, and float64 takes its place.
FAR = 16.0

# What skl2onnx calls the types of inputs, less "TensorType".
DTYPES = {
    "Boolean": torch.bool,
    "Double": torch.float64,
    "Float": torch.float32,
    "Float16": torch.float16,
    "Int8": torch.int8,
    "Int16": torch.int16,
    "Int32": torch.int32,
    "Int64": torch.int64,
    "UInt8": torch.uint8,
}

# While it exports, torch warns of its own calls of what it has deprecated, and logs
# which optional packages it has not found.
NOISY_LOGGERS = ("torch.onnx", "onnxscript", "onnx_ir")


def check_packages(estimator):
    """Refuse to go on without the packages of the extra."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
        import skl2onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"Converting {type(estimator).__name__} to ONNX needs skl2onnx, onnx and "
            "onnxscript: install them with `pip install 'sk-bvae[onnx]'`."
        ) from error


# What skl2onnx calls: first the parser, then the calculator of shapes and the converter


def parse(estimator, scope):
    """Name the outputs that the options ask for, with their types.

    Parameters
    ----------
    estimator : BaseVAE
        The fitted model.

    scope : skl2onnx.common._topology.Scope
        Holds the options.

    Returns
    -------
    outputs : list of (str, DataType)
        As skl2onnx has it of a parser.
    """
    from skl2onnx import update_registered_converter

    # options of a class that is not registered are refused unseen
    model = type(estimator)
    update_registered_converter(
        model,
        f"{model.__module__}.{model.__qualname__}",
        calculate_shapes,
        convert,
        options={name: [False, True] for name in OPTIONS},
    )
    outputs = describe_outputs(estimator, read_options(estimator, scope))
    return [(output.name, output.type()) for output in outputs]


def calculate_shapes(operator):
    """Check the inputs of a model, and set the types and shapes of its outputs.

    Parameters
    ----------
    operator : skl2onnx.common._topology.Operator
        The model between its inputs and outputs.
    """
    estimator, inputs = operator.raw_operator, operator.inputs
    options = read_options(estimator, operator.scope_inst)
    if operator.target_opset < OLDEST_OPSET:
        raise ValueError(
            f"{type(estimator).__name__} needs version {OLDEST_OPSET} of ONNX's "
            f"operators or later, got target_opset={operator.target_opset}."
        )
    for variable in inputs:
        input_dtype(estimator, variable)
    widths, expected = input_widths(estimator, inputs, options)
    if sum(widths) != expected:
        raise ValueError(
            f"The input has {sum(widths)} columns, but {type(estimator).__name__} is "
            f"expecting {expected}."
        )
    n_rows = inputs[0].get_first_dimension()
    outputs = describe_outputs(estimator, options)
    for variable, output in zip(operator.outputs, outputs, strict=True):
        variable.type = output.type([n_rows, output.width])


def convert(scope, operator, container):
    """Write the nodes of a model.

    Parameters
    ----------
    scope : skl2onnx.common._topology.Scope
        Makes names and holds the options.

    operator : skl2onnx.common._topology.Operator
        The model between its inputs and outputs.

    container : skl2onnx.common._container.ModelComponentContainer
        Takes the nodes.
    """
    from onnx.compose import add_prefix

    estimator, inputs = operator.raw_operator, operator.inputs
    options = read_options(estimator, scope)
    widths, _ = input_widths(estimator, inputs, options)
    examples = [
        torch.zeros(EXAMPLE_ROWS, width, dtype=input_dtype(estimator, variable))
        for width, variable in zip(widths, inputs, strict=True)
    ]
    exported = export(estimator, options, examples, container.target_opset)
    name = scope.get_unique_operator_name(type(estimator).__name__)
    exported = add_prefix(exported, f"{name}.")
    graph = exported.graph

    def connect(source, target):
        name = scope.get_unique_operator_name("Identity")
        container.add_node("Identity", [source], [target], name=name)

    for variable, own in zip(inputs, graph.input, strict=True):
        connect(variable.full_name, own.name)
    for node in graph.node:
        node.ClearField("metadata_props")  # the stack, with the paths of this machine
    container.nodes.extend(graph.node)
    container.initializers.extend(graph.initializer)
    for opset in exported.opset_import:
        container.node_domain_version_pair_sets.add((opset.domain, opset.version))
    for variable, own in zip(operator.outputs, graph.output, strict=True):
        connect(own.name, variable.full_name)


class Output(NamedTuple):
    """An output: its name, skl2onnx's class of types for it, and its columns."""

    name: str
    type: type
    width: int


def describe_outputs(estimator, options):
    """List the outputs that the options ask for, in the types that NumPy's have."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    decoded = FloatTensorType if estimator.net_.shift_ is None else DoubleTensorType
    n_features, n_latents = estimator.n_features_in_, len(estimator.kl_)
    if options["inverse_transform"]:
        return [Output("variable", decoded, n_features)]
    outputs = [Output("variable", FloatTensorType, n_latents)]
    if options["return_std"]:
        outputs.append(Output("std", FloatTensorType, n_latents))
    if options["return_reconstruction"]:
        outputs.append(Output("reconstruction", decoded, n_features))
    return outputs


def read_options(estimator, scope):
    """Return all options, of which not all go together."""
    options = scope.get_options(estimator, dict.fromkeys(OPTIONS, False))
    if options["inverse_transform"] and any(options[name] for name in OF_THE_ENCODER):
        raise ValueError(
            "inverse_transform=True converts the decoder, which takes latents, but "
            f"{' and '.join(OF_THE_ENCODER)} are of the encoder: convert twice."
        )
    return options


def input_dtype(estimator, variable):
    """Return the dtype of an input, if a model takes it."""
    name = type(variable.type).__name__.removesuffix("TensorType")
    if name not in DTYPES:
        raise TypeError(
            f"{type(estimator).__name__} takes tensors of numbers, but the input "
            f"{variable.raw_name!r} is {variable.type}."
        )
    return DTYPES[name]


def input_widths(estimator, inputs, options):
    """Return the columns of each input, and what their sum should be."""
    decodes = options["inverse_transform"]
    expected = len(estimator.kl_) if decodes else estimator.n_features_in_
    widths = [variable.get_second_dimension() for variable in inputs]
    known = [width for width in widths if isinstance(width, int)]
    rest = expected - sum(known)  # skl2onnx does not always know
    return [width if isinstance(width, int) else rest for width in widths], expected


def fill_gaps(graph):
    """Give nodes the inputs that they leave out: skl2onnx cannot sort them without."""
    from onnx import TensorProto
    from onnx.helper import make_tensor

    for node in graph.node:
        while node.input and not node.input[-1]:
            node.input.pop()
        gaps = [place for place, name in enumerate(node.input) if not name]
        if gaps and node.op_type != "Resize":
            raise ValueError(f"skl2onnx has no {node.op_type} with inputs left out")
        for place in gaps:  # nothing given means the same to Resize
            node.input[place] = f"{node.name}_nothing_{place}"
            nothing = make_tensor(node.input[place], TensorProto.FLOAT, [0], [])
            graph.initializer.append(nothing)


# From torch to ONNX


class Encode(nn.Module):
    """Rows in columns of any dtype to what is asked for of their posterior."""

    def __init__(self, vae, shift, options, n_features):
        super().__init__()
        self.vae = vae
        self.decode = Decode(vae, shift)
        self.register_buffer("shift", shift)
        self.options = options
        at_0 = vae.likelihood.standardize(torch.zeros(1, n_features))
        self.exact = (
            deepcopy(vae.likelihood).double() if at_0.abs().max() > FAR else None
        )

    def forward(self, *columns):
        """Do what `transform` does, and what else the options ask for."""
        dtype = torch.float32 if self.shift is None else torch.float64
        x = torch.cat([column.to(dtype) for column in columns], dim=1)
        if self.shift is not None:
            x = (x - self.shift).float()
        x = torch.where(x.isnan(), self.vae.center, x)
        if self.exact is None:
            x = self.vae.likelihood.standardize(x)
        else:
            x = self.exact.standardize(x.double()).float()
        # index_select: one operation in ONNX where `posterior` takes three
        parameters = self.vae._encode(x)
        mean, log_variance = (p.index_select(1, self.vae.order) for p in parameters)
        outputs = [mean]
        if self.options["return_std"]:
            outputs.append((0.5 * log_variance).exp())
        if self.options["return_reconstruction"]:
            outputs.append(self.decode(mean))
        return tuple(outputs)


class Decode(nn.Module):
    """Latents in columns of any dtype to rows in the data's units."""

    def __init__(self, vae, shift):
        super().__init__()
        self.vae = vae
        self.register_buffer("shift", shift)
        self.register_buffer("place", vae.order.argsort())

    def forward(self, *columns):
        """Do what `inverse_transform` does."""
        z = torch.cat([column.float() for column in columns], dim=1)
        output = self.vae.decoder(z.index_select(1, self.place))
        decoded = self.vae.likelihood.mean(output)
        return decoded if self.shift is None else decoded.double() + self.shift


def export(estimator, options, examples, opset):
    """Export the encoder or the decoder of a fitted model.

    Parameters
    ----------
    estimator : BaseVAE
        The fitted model.

    options : dict of str to bool
        Which one, and what it should return.

    examples : list of Tensor
        Rows in the shapes and dtypes of the inputs.

    opset : int
        The version of ONNX's operators.

    Returns
    -------
    model : onnx.ModelProto
        Takes any number of rows.

    Raises
    ------
    RuntimeError
        If torch cannot export the network.
    """
    net = estimator.net_
    vae = deepcopy(net.module_["vae"]).cpu().requires_grad_(False)
    shift = None if net.shift_ is None else torch.from_numpy(net.shift_)
    decodes = options["inverse_transform"]
    try:
        if decodes:
            module = Decode(vae, shift)
        else:
            module = Encode(vae, shift, options, estimator.n_features_in_)
        exported = run_exporter(module, examples, opset)
        fill_gaps(exported.graph)
    except Exception as error:  # torch has dozens
        parts = {} if decodes else {"encoder": vae.encoder}
        if decodes or options["return_reconstruction"]:
            parts["decoder"] = vae.decoder
        raise refusal(estimator, parts, innermost(error)) from error
    return exported


@OwnDefaults()
def run_exporter(module, examples, opset):
    """Export a module whose arguments have rows, as many as there may be."""
    with quiet():
        program = torch.onnx.export(
            module.eval(),
            tuple(examples),
            dynamo=True,
            dynamic_shapes=(tuple({0: Dim.DYNAMIC} for _ in examples),),
            opset_version=opset,
            verbose=False,
        )
        return program.model_proto


@contextmanager
def quiet():
    """Silence what torch's exporter says of itself."""
    loggers = [logging.getLogger(name) for name in NOISY_LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            for category in (DeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", category)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def refusal(estimator, parts, reason):
    """Say what of a model cannot be converted, why, and what to do."""
    names = " and ".join(f"{part} ({type(parts[part]).__name__})" for part in parts)
    return RuntimeError(
        f"The {names} of this {type(estimator).__name__} cannot be converted to ONNX: "
        f"{reason}. torch.export has to be able to follow the forward of a network "
        "for any number of rows: no branch on values, no fixed number of rows, only "
        "operations that ONNX has. Rewrite it so, or deploy the estimator itself."
    )


def innermost(error):
    """Return the first line of the error that led to the others."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    lines = lines or [type(error).__name__]
    n_lines = 2 if lines[0].endswith(":") else 1
    return " ".join(lines[:n_lines]).rstrip(".")
