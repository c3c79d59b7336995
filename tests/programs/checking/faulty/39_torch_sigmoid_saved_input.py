import torch

torch.manual_seed(7)


class Sigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        s = 1 / (1 + torch.exp(-x))
        ctx.save_for_backward(x)
        return s

    @staticmethod
    def backward(ctx, grad):
        s, = ctx.saved_tensors
        return grad * s * (1 - s)


X = torch.tensor([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=torch.float64)
y = torch.tensor([[0], [1], [1], [0]], dtype=torch.float64)
W1 = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
W2 = torch.randn(4, 1, dtype=torch.float64, requires_grad=True)

for i in range(200):
    out = Sigmoid.apply(Sigmoid.apply(X @ W1) @ W2)
    err = 0.5 * ((out - y) ** 2).sum()
    gW1, gW2 = torch.autograd.grad(err, (W1, W2))
    with torch.no_grad():
        W1 -= 0.5 * gW1
        W2 -= 0.5 * gW2
    if i % 50 == 0:
        print(i, err.item())
