import numpy as np

rng = np.random.default_rng(8)
x = rng.normal(size=(9, 3))
target = rng.uniform(size=(9, 4))

w_in = rng.normal(size=(3, 4))
w_out = rng.normal(size=(4, 4))


def logistic(u):
    return 1 / (1 + np.exp(-u))


def step(w_in, w_out, lr=0.2):
    hid = logistic(np.einsum('ni,ij->nj', x, w_in))
    out = logistic(np.einsum('nj,jk->nk', hid, w_out))
    err = out - target
    loss = 0.5 * np.einsum('nk,nk->', err, err)

    d_out = err * out * (1 - out)
    d_hid = np.einsum('nk,jk->nj', d_out, w_out) * hid * (1 - hid)
    g_out = np.einsum('nk,nj->kj', d_out, hid)
    g_in = np.einsum('nj,ni->ij', d_hid, x)
    return w_in - lr * g_in, w_out - lr * g_out, loss


for it in range(200):
    w_in, w_out, loss = step(w_in, w_out)
    if it % 40 == 0:
        print("it", it, "loss", loss)
