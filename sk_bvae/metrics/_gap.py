"""The lead of the best code over the second best."""

import numpy as np


def _lead_of_best(S, dead=0.0):
    """Subtract from each column's largest value the second largest.

    With one code only there is no second; a dead code, whose values are `dead`, then
    takes its place, so that adding a dead code to a representation changes nothing.
    """
    if len(S) == 1:
        S = np.vstack([S, np.broadcast_to(dead, S.shape)])
    second, first = np.partition(S, -2, axis=0)[-2:]
    return first - second
