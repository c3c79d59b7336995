import torch

torch.manual_seed(3)
x = torch.rand(20, 3)
y = torch.cat([x[:, :1] + x[:, 1:2], x[:, 2:] ** 2], dim=1)

W1, b1 = torch.randn(5, 3), torch.zeros(5)
W2, b2 = torch.randn(2, 5), torch.zeros(2)

for t in range(200):
    h = torch.sigmoid(x.mm(W1.t()) + b1)
    y_pred = h.mm(W2.t()) + b2
    loss = (y_pred - y).pow(2).mean().item()
    if t % 50 == 0:
        print(t, loss)

    grad_y_pred = 2.0 * (y_pred - y) / y.numel()
    grad_w2 = grad_y_pred.t().mm(h)
    grad_h = grad_y_pred.mm(W2)
    grad_z = grad_h * h * (1 - h)
    grad_w1 = grad_z.t().mm(x)

    W1 -= 0.2 * grad_w1
    b1 -= 0.2 * grad_z.sum(0)
    W2 -= 0.2 * grad_w2
    b2 -= 0.2 * grad_y_pred.sum(0)
