"""The picture on the page of picard."""

from sparse_tconv import inverse, plotting

problem = inverse.problems.deconvolution()
plotting.picard(inverse.picard(problem.op, problem.y))
