"""Too narrow, right, too wide and of another kind: the answer for four PSFs, and how many findings."""

from grayscale import show

from sparse_tconv.inverse import deblur, problems, psf

problem = problems.deblurring("gauss", 128, noise=0.01, seed=0)
guesses = {
    "gauss(1)": psf.gauss(1.0),
    "gauss(2), right": psf.gauss(2.0),
    "gauss(4)": psf.gauss(4.0),
    "motion(13, 120)": psf.motion(13.0, 120.0),
}
pictures = {}
for name, guess in guesses.items():
    found = deblur(problem.y, guess)
    count = len(found.findings) or "no"
    word = "finding" if count == 1 else "findings"
    pictures[f"{name}: {count} {word}"] = found.x
show(pictures)
