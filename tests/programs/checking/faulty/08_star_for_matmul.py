"""A tiny autoencoder for one-hot patterns."""
import numpy as np


def act(v):
    return 1.0 / (1.0 + np.exp(-v))


def act_grad(out):
    return out * (1.0 - out)


patterns = np.eye(4)
rs = np.random.RandomState(5)
encoder = rs.uniform(-1, 1, (4, 4))
decoder = rs.uniform(-1, 1, (4, 4))
rate = 1.0

for step in range(250):
    code = act(patterns @ encoder)
    recon = act(code @ decoder)
    diff = recon - patterns
    loss = 0.5 * np.sum(diff * diff)

    d_recon = diff * act_grad(recon)
    d_code = d_recon * decoder.T * act_grad(code)

    decoder -= rate * code.T @ d_recon
    encoder -= rate * patterns.T @ d_code
    if step % 50 == 0:
        print(f"{step:4d} {loss:.4f}")
