"""Before and after."""

from grayscale import show

from sparse_tconv.inverse import deblur, problems, psf

problem = problems.deblurring("gauss", 128, noise=0.01, seed=0)
found = deblur(problem.y, psf.gauss(2.0))
show(
    {
        f"blurred, error {problem.error(problem.y):.2f}": problem.y,
        f"restored, error {problem.error(found.x):.2f}": found.x,
    }
)
