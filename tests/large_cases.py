"""Large cases for CUDA kernels that no large case in the tests of their own components reaches: see cuda_on_cpu/test_package.py."""

import warnings

import optimizer_cases
from oracle import FunctionCase, ScriptCase, integers, normal, uniform

# Files with CUDA kernels that are not compared here, and why.
WITHOUT = {
    "bench/limits": "its kernels measure what a GPU can do, and have no CPU form",
    "fast/ladder/matmul_cuda": "called with arrays in place of tensors: see the last tests of the file",
    "fast/ladder/conv2d_cuda": "called with arrays in place of tensors: see the last tests of the file",
    "course/components/conv2d_tiled": "called with arrays in place of tensors: see the last tests of the file",
}


def sparse_steps(torch, *tables):
    params = [table.detach().requires_grad_() for table in tables]
    optimizer = torch.optim.SparseAdam(params, lr=0.1)
    for step in range(2):
        optimizer.zero_grad()
        ids = torch.arange(step, 300, 7, device=params[0].device)
        rows = [torch.nn.functional.embedding(ids, param, sparse=True) for param in params]
        sum((row * row).sum() for row in rows).backward()
        optimizer.step()
    return [param.detach() for param in params]


def pooled_and_back(dims):
    def run(torch, x):
        F = torch.nn.functional
        y, index = getattr(F, f"max_pool{dims}d")(x, 2, return_indices=True)
        return getattr(F, f"max_unpool{dims}d")(y, index, 2)

    return run


def with_weight(torch, wrap, weight, x, **options):
    """What a linear layer gives, whose weight is normalized by `wrap`, and the gradients."""
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False).to(x.device).to(x.dtype)
    layer.weight.data = weight.detach().clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is an older function
        layer = getattr(torch.nn.utils, wrap)(layer, **options)
    for name in ("weight_u", "weight_v"):
        if name in dict(layer.named_buffers()):
            vector = getattr(layer, name)
            vector.copy_(torch.arange(1, len(vector) + 1, device=x.device) / len(vector) ** 1.5)
    y = layer(x)
    y.square().mean().backward()
    return y.detach(), [parameter.grad for _, parameter in sorted(layer.named_parameters())]


def batch_norm(torch, x, mean, var, weight, bias):
    return torch.nn.functional.batch_norm(x, mean, var, weight, bias, training=True), mean, var


def losses(torch, log_p, target):
    F = torch.nn.functional
    return [F.nll_loss(log_p, target, reduction=reduction) for reduction in ("sum", "mean")]


def tensor_arithmetic(torch, x, y, rows, mask, chosen):
    """Each kernel of ops/cuda_kernels.py, forward and backward."""
    table = torch.arange(0, 300, 2, device=x.device)
    changed = x * 1
    changed[table] = y[table] / 3
    filled = torch.zeros(len(x), 50, dtype=x.dtype, device=x.device).scatter_add(1, chosen, x)
    return [
        x + y * 2 - x / y,
        (x * y).exp().sin().floor() + x.abs().sqrt(),
        torch.where(mask > 0, x, y) + (x > y) * x,
        x.sum(0), x.mean(1), x.prod(1), x.amax(0), (x * y).sum(),
        x.max(1), x.argmin(0), x.cumsum(1),
        x @ rows, x.t().contiguous(),
        x[table], x.gather(1, chosen), changed, filled,
        (chosen + 3) // 2 % 5, chosen.sum(1), x.reshape(3, 100, 40) @ y.reshape(3, 40, 100),
    ]  # fmt: skip


def in_place(function):
    """The gradient out of the result, which has taken the place of the input."""
    return ScriptCase(function, [(60, 50)], run=lambda torch, x: getattr(torch.nn.functional, function)(x * 1))


SHAPES = [(60, 50), (700,)]
MORE = {
    "nn/activation/celu": [in_place("celu_")],
    "nn/activation/elu": [in_place("elu_")],
    "nn/activation/selu": [in_place("selu_")],
    "optim/adadelta": [optimizer_cases.case("Adadelta", "large", steps=3, shapes=SHAPES)],
    "optim/adagrad": [optimizer_cases.case("Adagrad", "large", steps=3, shapes=SHAPES)],
    "optim/adam": [optimizer_cases.case("Adam", "large", steps=3, shapes=SHAPES, amsgrad=True, lr=0.05)],
    "optim/rmsprop": [optimizer_cases.case("RMSprop", "large", steps=3, shapes=SHAPES, centered=True, momentum=0.5)],
    "optim/sgd": [
        optimizer_cases.case("SGD", "large", 3, SHAPES, lr=0.1, momentum=0.5, nesterov=True, foreach=foreach)
        for foreach in (False, True)
    ],
    "optim/sparse_adam": [ScriptCase("SparseAdam", [(300, 20), (400, 3)], run=sparse_steps, changes_inputs=True)],
    "nn/pooling/max_unpool2d": [ScriptCase("max_unpool2d", [(2, 3, 40, 30)], run=pooled_and_back(2))],
    "nn/pooling/max_unpool3d": [ScriptCase("max_unpool3d", [(2, 3, 8, 12, 10)], run=pooled_and_back(3))],
    "nn/utils/weight_norm": [
        ScriptCase(
            "weight_norm",
            [normal(60, 50, grad=False), normal(20, 50, grad=False)],
            run=lambda torch, weight, x: with_weight(torch, "weight_norm", weight, x),
        )
    ],
    "nn/utils/spectral_norm": [
        ScriptCase(
            "spectral_norm",
            [normal(60, 50, grad=False), normal(20, 50, grad=False)],
            run=lambda torch, weight, x: with_weight(torch, "spectral_norm", weight, x),
        )
    ],
    "nn/normalization/batch_norm": [
        ScriptCase(
            "batch_norm",
            [(20, 7, 13, 11), normal(7, grad=False), uniform(0.5, 2, 7, grad=False), (7,), (7,)],
            run=batch_norm,
            changes_inputs=True,
        )
    ],
    "nn/loss/reduction": [ScriptCase("nll_loss", [(600, 5), integers(0, 5, 600)], run=losses)],
    "nn/loss/multi_label_soft_margin_loss": [
        ScriptCase(
            "multilabel_soft_margin_loss",
            [(300, 20), uniform(0, 1, 300, 20), uniform(0.5, 2, 20)],
            run=lambda torch, *given: torch.nn.functional.multilabel_soft_margin_loss(*given),
        )
    ],
    "nn/convolution/conv1d": [
        FunctionCase("conv1d", [(3, 8, 101), (6, 4, 5), (6,)], (2, 3), dict(dilation=2, groups=2))
    ],
    "nn/sparse/embedding_bag": [
        ScriptCase(
            "embedding_bag",
            [integers(0, 300, 40, 20), (300, 17), (40, 20)],
            run=lambda torch, ids, table, weights: torch.nn.functional.embedding_bag(
                ids, table, per_sample_weights=weights, mode="sum"
            ),
        )
    ],
    "nn/vision/affine_grid": [
        FunctionCase("affine_grid", [(2, 3, 4)], ((2, 1, 9, 11, 13),), dict(align_corners=False))
    ],
    "ops/cuda_kernels": [
        ScriptCase(
            "arithmetic",
            [(300, 40), uniform(0.5, 2, 300, 40), (40, 30), integers(0, 2, 300, 40), integers(0, 40, 300, 40)],
            run=tensor_arithmetic,
        )
    ],
}
