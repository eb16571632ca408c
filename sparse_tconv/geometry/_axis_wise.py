"""What a geometry says of its axes, one value per axis in canonical form."""

from __future__ import annotations

from ._axis import Axis


class AxisWise:
    """One value per axis: kernel sizes, strides, dilations, padding, boundary modes."""

    axes: tuple[Axis, ...]

    @property
    def kernel_size(self) -> tuple[int, ...]:
        """Kernel size along each axis."""
        return tuple(axis.k for axis in self.axes)

    @property
    def stride(self) -> tuple[int, ...]:
        """Stride along each axis, in canonical form."""
        return tuple(axis.stride for axis in self.axes)

    @property
    def dilation(self) -> tuple[int, ...]:
        """Dilation along each axis, in canonical form."""
        return tuple(axis.dilation for axis in self.axes)

    @property
    def before(self) -> tuple[int, ...]:
        """Padding in front of each axis; the padding behind it follows from the sizes."""
        return tuple(axis.before for axis in self.axes)

    @property
    def padding_mode(self) -> tuple[str, ...]:
        """Boundary mode of each axis, in canonical form."""
        return tuple(axis.mode for axis in self.axes)

    @property
    def output_padding(self) -> tuple[int, ...]:
        """The output_padding that, with ``before`` on both sides, gives ``x_shape`` back from
        ``y_shape``.
        """
        return tuple(
            a.n_in - ((a.n_out - 1) * a.stride - 2 * a.before + a.dilation * (a.k - 1) + 1)
            for a in self.axes
        )
