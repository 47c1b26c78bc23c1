"""Places on an axis: all at once are what they are one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.draw.scale import Scale, bounds

numbers = st.floats(-1e300, 1e300)


@given(st.lists(numbers, max_size=30), st.lists(numbers, max_size=30), st.booleans(), st.integers(1, 300))
def test_the_rows_of_many_values_are_the_row_of_each(
    shown: list[float], others: list[float], log: bool, count: int
) -> None:
    """Of those that the axis is made for, and of any others, which lie at its edges."""
    scale = Scale(*bounds(shown, log), log, count)
    values = shown + others
    assert scale.rows(values) == [scale.row(value) for value in values]
    assert all(0 <= row < count for row in scale.rows(values))
