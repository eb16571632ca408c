"""What stride does to the windows and to the matrix."""

from parameter import show

show(7, [{"stride": 1}, {"stride": 2}])
