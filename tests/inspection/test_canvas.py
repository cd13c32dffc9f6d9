"""Styles, and labels that keep apart."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.lines import Line2D

from sk_bvae.inspection._canvas import (
    keep_apart,
    label_features,
    letters_for,
    style,
    take_axes,
    take_grid,
)


def test_wishes_override_defaults_by_any_alias():
    defaults = {"linewidth": 1, "color": "black"}
    assert style(Line2D, defaults, {"lw": 3}) == {"linewidth": 3, "color": "black"}
    assert style(Line2D, defaults, None) == defaults


def test_labels_keep_apart_and_move_little():
    np.testing.assert_allclose(keep_apart([5, 1, 9], 2, 0, 10), [5, 1, 9])
    np.testing.assert_allclose(keep_apart([5, 5], 2, 0, 10), [4, 6])
    crowded = [3.0, 0.1, 0.0, 0.2]
    moved = keep_apart(crowded, 1.0, 0, 10)
    np.testing.assert_allclose(np.sort(moved), [0, 1, 2, 3])
    np.testing.assert_array_equal(np.argsort(moved), np.argsort(crowded))
    np.testing.assert_allclose(keep_apart([9.9, 9.8], 1, 0, 10), [10, 9])
    assert keep_apart([], 1, 0, 10).size == 0


def test_letters_stay_readable():
    assert letters_for(0.01) == 4.5
    assert letters_for(0.1) == pytest.approx(5.4)
    assert letters_for(3) == 9


def test_names_are_thinned_out_where_they_are_crowded():
    _, ax = plt.subplots()
    label_features(ax, [f"x{column}" for column in range(100)], room=0.02)
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels[:3] == ["x0", "x4", "x8"]
    assert ax.get_xticks()[:3].tolist() == [0, 4, 8]


def test_axes_are_taken_or_made():
    ax = take_axes(None, 3, 2)
    assert ax.figure.get_size_inches().tolist() == [3, 2]
    assert take_axes(ax, 9, 9) is ax
    axes = take_grid(None, (2, 3), 6, 4)
    assert axes.shape == (2, 3)
    assert take_grid(axes.ravel(), (2, 3), 1, 1).tolist() == axes.tolist()
    axes = take_grid(None, (2, 2), 6, 4, n_axes=3)
    assert axes[1, 1] is None
    assert len(axes[0, 0].figure.axes) == 3
    axes = take_grid(axes.flat[:3], (2, 2), 1, 1, n_axes=3)
    assert axes[1, 1] is None
    axes = take_grid(None, (2, 3), 6, 4)
    with pytest.raises(ValueError, match="must hold 4 axes; got 6"):
        take_grid(axes, (2, 2), 1, 1)
