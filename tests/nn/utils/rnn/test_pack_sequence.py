"""pack_sequence and unpack_sequence against torch."""

import oracle
from oracle import ErrorCase, ScriptCase


def packed(*inputs, id, **options):
    def run(torch, *sequences):
        found = torch.nn.utils.rnn.pack_sequence(list(sequences), **options)
        return [part.to(sequences[0].device) for part in found if part is not None]

    return ScriptCase("pack_sequence", run=run, inputs=inputs, id=id)


def back(torch, *sequences):
    rnn = torch.nn.utils.rnn
    return rnn.unpack_sequence(rnn.pack_sequence(list(sequences), enforce_sorted=False))


CASES = [
    packed((3, 2), (2, 2), (2, 2), id="sorted"),
    packed((1,), (3,), (2,), id="unsorted", enforce_sorted=False),
    ScriptCase("unpack_sequence", run=back, inputs=[(1, 2), (3, 2), (2, 2)], id="there and back"),
]


def of(*lengths):
    return lambda torch: torch.nn.utils.rnn.pack_sequence([torch.zeros(n) for n in lengths])


ERRORS = [
    ErrorCase(of(2, 3), ["decreasing", "enforce_sorted"], id="unsorted"),
    ErrorCase(of(2, 0), ["greater than 0"], id="nothing in one"),
    ErrorCase(of(), ["empty"], id="nothing"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]
