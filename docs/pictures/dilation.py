"""What dilation does to the windows and to the matrix."""

from parameter import show

show(7, [{"dilation": 1}, {"dilation": 2}, {"dilation": 3}])
