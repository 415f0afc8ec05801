"""Parameters as one vector against torch: values, gradients, shared memory, and what is refused."""

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase, distinct


def vector(torch, *parameters):
    return torch.nn.utils.parameters_to_vector(parameters)


def converted(torch, x):
    return torch.nn.utils.parameters_to_vector([x.float(), x.double()])


def back(torch, vec):
    parameters = [
        torch.nn.Parameter(torch.zeros(2, 3, dtype=vec.dtype)),
        torch.nn.Parameter(torch.zeros((), dtype=vec.dtype)),
    ]
    torch.nn.utils.vector_to_parameters(vec, iter(parameters))
    return [parameter.detach() for parameter in parameters]


def shared(torch, x):
    vec, parameter = x.detach().clone(), torch.nn.Parameter(x[:2].detach().clone())
    torch.nn.utils.vector_to_parameters(vec, [parameter])
    vec[1] = 99
    return parameter, parameter.is_leaf, parameter.requires_grad


CASES = [
    ScriptCase("parameters_to_vector", [distinct(2, 3), distinct(4), distinct()], run=vector, strided=False),
    ScriptCase("parameters_to_vector", [distinct(0, 3), distinct(2)], run=vector, id="empty", strided=False),
    ScriptCase(
        "parameters_to_vector",
        [distinct(2, 3), distinct(4, grad=False)],
        run=vector,
        id="one without gradient",
        strided=False,
    ),
    ScriptCase(
        "parameters_to_vector", [distinct(2, 3)], run=converted, id="two dtypes", gradcheck=False, strided=False
    ),
    ScriptCase("vector_to_parameters", [distinct(7, grad=False)], run=back),
    ScriptCase("vector_to_parameters", [distinct(9, grad=False)], run=back, id="too long"),
    ScriptCase("vector_to_parameters", [distinct(4, grad=False)], run=shared, id="shared memory"),
]
ERRORS = [
    ErrorCase(lambda torch: torch.nn.utils.parameters_to_vector([]), ["non-empty", "no parameters"], id="none"),
    ErrorCase(lambda torch: torch.nn.utils.parameters_to_vector([torch.zeros(2, 3).t()]), ["view"], id="strided"),
    ErrorCase(
        lambda torch: torch.nn.utils.vector_to_parameters([1.0], [torch.zeros(1)]),
        ["list", "vector comes first"],
        id="not a tensor",
    ),
    ErrorCase(
        lambda torch: torch.nn.utils.vector_to_parameters(torch.zeros(3), [torch.zeros(2), torch.zeros(2)]),
        ["3", "[2]"],
        id="too short",
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_gradients_have_memory_of_their_own():
    """They may be changed, though the upstream gradient is somebody's."""
    weight, upstream = reftorch.ones(3, requires_grad=True), reftorch.ones(3)
    reftorch.nn.utils.parameters_to_vector([weight]).backward(upstream)
    weight.grad.zero_()
    assert upstream.tolist() == [1.0, 1.0, 1.0]
