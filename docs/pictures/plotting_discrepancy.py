"""The picture on the page of discrepancy."""

from sparse_tconv import inverse, plotting

problem = inverse.problems.deconvolution()
plotting.discrepancy(inverse.discrepancy(problem.op, problem.y, problem.noise_norm))
