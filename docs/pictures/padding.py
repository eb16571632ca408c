"""What padding does to the windows and to the matrix."""

from parameter import show

show(5, [{"padding": 0}, {"padding": 1}, {"padding": 2}])
