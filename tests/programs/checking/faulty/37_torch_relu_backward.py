import torch


class MyReLU(torch.autograd.Function):
    """
    We can implement our own custom autograd Functions by subclassing
    torch.autograd.Function and implementing the forward and backward passes.
    """

    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        input, = ctx.saved_tensors
        grad_input = grad_output.clone()
        return grad_input


torch.manual_seed(0)
x = torch.randn(16, 4, dtype=torch.float64)
y = x[:, :1] * x[:, 1:2] - x[:, 2:3]

w1 = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
b1 = torch.zeros(1, 6, dtype=torch.float64, requires_grad=True)
w2 = torch.randn(6, 1, dtype=torch.float64, requires_grad=True)
b2 = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)

learning_rate = 0.05
for t in range(200):
    relu = MyReLU.apply
    y_pred = relu(x @ w1 + b1) @ w2 + b2
    loss = (y_pred - y).pow(2).mean()
    if t % 50 == 49:
        print(t, loss.item())
    loss.backward()
    with torch.no_grad():
        for p in (w1, b1, w2, b2):
            p -= learning_rate * p.grad
            p.grad.zero_()
