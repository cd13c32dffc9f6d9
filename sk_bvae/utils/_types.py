"""Types that many signatures share."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

RandomState: TypeAlias = int | np.random.RandomState | None
Ints: TypeAlias = int | Sequence[int] | np.ndarray
Names: TypeAlias = Sequence[str] | np.ndarray
