"""The picture on the page of lcurve."""

from sparse_tconv import inverse, plotting

problem = inverse.problems.deconvolution()
plotting.lcurve(inverse.lcurve(problem.op, problem.y))
