"""The one door to names that scikit-learn keeps private."""

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import _fit_context
from sklearn.model_selection._search import (
    _yield_masked_array_for_each_param as yield_masked_array_for_each_param,
)
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
)
from sklearn.utils._param_validation import validate_params as _validate_params

Function = TypeVar("Function", bound=Callable[..., Any])

# Without types, they would hide those of whatever they decorate.
fit_context: Callable[..., Callable[[Function], Function]] = _fit_context
validate_params: Callable[..., Callable[[Function], Function]] = _validate_params

__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "StrOptions",
    "fit_context",
    "validate_params",
    "yield_masked_array_for_each_param",
]
