"""sparse_tconv: operators built once, products and matrices timed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import sparse_tconv as st
from sparse_tconv.engines import engine_names

from .task import Call, NotApplicable, Task

with suppress(st.MissingExtraError):
    st.set_compiled(True)  # where there are compiled loops, what is measured is not how they come

MOST_MATRIX_BYTES = 2 * 10**9


def auto(task: Task) -> Call:
    return engine("auto")(task)


def engine(name: str) -> Callable[[Task], Call]:
    """The side that computes with one engine."""

    def prepare(task: Task) -> Call:
        if name not in engine_names():
            raise NotApplicable(f"there is no engine {name}")
        case = task.case
        cls, in_shape = (
            (st.ConvTranspose, case.y_shape) if case.decoder else (st.Conv, case.x_shape)
        )
        options = {"stride": case.stride, "padding": case.padding, "groups": case.groups}
        try:
            op = cls(task.weight(), in_shape, engine=name, **options)
        except (st.GeometryError, st.DTypeError, st.MissingExtraError) as error:
            raise NotApplicable(str(error)) from error
        nbytes = op.geometry.nbytes(task.dtype)
        if op.engine == "csr" and nbytes > MOST_MATRIX_BYTES:
            raise NotApplicable(f"engine csr: the matrix would need {nbytes / 1e9:.1f} GB")
        if case.decoder != task.transposed:
            op = op.T
        operand = task.operand()
        return Call(lambda: op.apply(operand), op.engine)

    return prepare


def assembly(task: Task) -> Call:
    case, weight = task.case, task.weight()
    build, in_shape = (
        (st.conv_transpose_matrix, case.y_shape) if case.decoder else (st.conv_matrix, case.x_shape)
    )
    options = {"stride": case.stride, "padding": case.padding, "groups": case.groups}
    return Call(lambda: build(weight, in_shape, **options))
