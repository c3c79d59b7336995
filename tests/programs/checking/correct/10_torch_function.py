import torch


class Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return x @ w + b

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy @ w.T, x.T @ dy, dy.sum(dim=0, keepdim=True)


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        y = torch.tanh(z)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved_tensors
        return dy * (1 - y * y)


torch.manual_seed(2)
x = torch.randn(16, 4, dtype=torch.float64)
y = (x[:, :2] ** 2).sum(dim=1, keepdim=True)
w1 = torch.randn(4, 6, dtype=torch.float64).requires_grad_()
b1 = torch.zeros(1, 6, dtype=torch.float64).requires_grad_()
w2 = torch.randn(6, 1, dtype=torch.float64).requires_grad_()
b2 = torch.zeros(1, 1, dtype=torch.float64).requires_grad_()

for step in range(200):
    pred = Affine.apply(Tanh.apply(Affine.apply(x, w1, b1)), w2, b2)
    loss = ((pred - y) ** 2).mean()
    grads = torch.autograd.grad(loss, [w1, b1, w2, b2])
    with torch.no_grad():
        for p, g in zip([w1, b1, w2, b2], grads):
            p -= 0.05 * g
    if step % 50 == 0:
        print(step, loss.item())
