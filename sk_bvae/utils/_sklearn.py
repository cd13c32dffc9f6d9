"""The one door to names that scikit-learn keeps private."""

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import _fit_context
from sklearn.model_selection._search import (
    _yield_masked_array_for_each_param as yield_masked_array_for_each_param,
)
from sklearn.utils._indexing import _get_column_indices as column_positions
from sklearn.utils._indexing import _safe_indexing as take_rows
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
)
from sklearn.utils._param_validation import validate_params as _validate_params
from sklearn.utils._set_output import ADAPTERS_MANAGER
from sklearn.utils._set_output import _get_output_config as output_container
from sklearn.utils._user_interface import _print_elapsed_time as print_elapsed_time
from sklearn.utils.validation import _check_feature_names_in as check_feature_names
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

Function = TypeVar("Function", bound=Callable[..., Any])

# Without types, they would hide those of whatever they decorate.
fit_context: Callable[..., Callable[[Function], Function]] = _fit_context
validate_params: Callable[..., Callable[[Function], Function]] = _validate_params

# What makes DataFrames, by the library that they are of.
ADAPTERS = ADAPTERS_MANAGER.adapters

# What callbacks keep in an estimator from the beginning of its fit to their teardown.
CALLBACKS_DURING_A_FIT = (
    "_callback_fit_ctx",
    "_parent_callback_ctx",
    "_skl_callbacks_to_teardown",
)

__all__ = [
    "ADAPTERS",
    "CALLBACKS_DURING_A_FIT",
    "Function",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "StrOptions",
    "check_feature_names",
    "check_sample_weight",
    "column_positions",
    "fit_context",
    "output_container",
    "print_elapsed_time",
    "take_rows",
    "validate_params",
    "yield_masked_array_for_each_param",
]
