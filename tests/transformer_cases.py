"""What the tests of the Transformer's parts share: calls with masks, under either library."""

from oracle import ScriptCase

ADDED = [[0.5, -1, 0], [0, 2, 1], [0, 1, -2]]
HIDDEN = [[False, True, False], [False, False, True], [False, False, False]]
CAUSAL = [[False, True, True], [False, False, True], [False, False, False]]
PADDING = [[False, False, True], [False, False, False]]


def call(name, id, *inputs, build, masks=None, evaluate=False, tiny=False):
    """`build(nn)` after a manual seed, called with the inputs and masks; its output and the gradients of its parameters."""

    def run(torch, *given):
        torch.manual_seed(3)
        module = build(torch.nn).to(given[0].dtype).to(given[0].device).train(not evaluate)
        torch.manual_seed(4)
        tensors = {}
        for key, mask in (masks or {}).items():
            mask = torch.tensor(mask, device=given[0].device)
            tensors[key] = mask.to(given[0].dtype) if mask.is_floating_point() else mask
        y = module(*given, **tensors)
        return y, torch.autograd.grad(y.square().sum(), [*module.parameters()], retain_graph=True)

    return ScriptCase(name, inputs, run=run, id=id, gradcheck=False, tiny=tiny)
