"""Students with three predictors, two of them with varying slopes: python make.py > case.csv."""

import numpy as np

rng = np.random.default_rng(5)
rows = ["school,u,v,x,z,kind,y"]
for j in range(36):
    u, v = rng.normal(), rng.integers(0, 2)
    root = np.array([[4, 0, 0], [0.8, 1.2, 0], [-0.5, 0.4, 0.9]])
    eta = root @ rng.normal(size=3)
    for _ in range(int(rng.integers(2, 22))):
        x, z, kind = rng.normal(0.3 * u, 1), rng.normal(500, 90), rng.choice(list("abc"))
        mean = 50 + 2 * u - v + eta[0] + (3 + u + eta[1]) * x + (1 + eta[2]) * (z - 500) / 90
        y = mean + {"a": 0, "b": 2, "c": -1}[kind] + rng.normal(0, 5)
        rows.append(f"s{j:02d},{u:.4f},{v},{x:.4f},{z:.2f},{kind},{y:.4f}")
print("\n".join(rows))
