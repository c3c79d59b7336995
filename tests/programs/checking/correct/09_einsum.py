import numpy as np
from numpy import einsum

rng = np.random.default_rng(31)
x = rng.normal(size=(18, 5))
t = np.eye(3)[x[:, :3].argmax(axis=1)]
w1, b1 = rng.normal(size=(5, 4)), rng.normal(size=4)
w2, b2 = rng.normal(size=(4, 3)), rng.normal(size=3)
batch = x.shape[0]

for i in range(200):
    h = 1 / (1 + np.exp(-(einsum('bi,ij->bj', x, w1) + b1)))
    s = einsum('bj,jk->bk', h, w2) + b2
    s -= s.max(1)[:, None]
    p = np.exp(s) / einsum('bk->b', np.exp(s))[:, None]
    loss = -einsum('bk,bk->', t, np.log(p)) / batch

    gs = (p - t) / batch
    gw2, gb2 = einsum('bj,bk->jk', h, gs), einsum('bk->k', gs)
    gz = einsum('bk,jk,bj,bj->bj', gs, w2, h, 1 - h)
    gw1, gb1 = einsum('bi,bj->ij', x, gz), einsum('bj->j', gz)
    for w, g in ((w1, gw1), (b1, gb1), (w2, gw2), (b2, gb2)):
        w -= 0.5 * g
    if i % 50 == 0:
        print(i, loss)
