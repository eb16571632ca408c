"""The picture on the page of gcv."""

from sparse_tconv import inverse, plotting

problem = inverse.problems.deconvolution()
plotting.gcv(inverse.gcv(problem.op, problem.y))
