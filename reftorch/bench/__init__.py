"""`reftorch bench`: how fast the components are, beside PyTorch and beside what the machine can do at most.

    cases.py        what is measured, as data
    work.py         how many operations and bytes a case needs
    jobs.py         a case made runnable, with either library
    clock.py        both timed in turns; medians, quartiles, ratios
    limits.py       the machine's multiply-adds and bytes a second
    overhead.py     what Python adds to a call
    ladder.py       the rungs of `reftorch.fast.ladder`
    processes.py    peak memory and the first step, in processes of their own (worker.py)
    ranks.py        training steps on several processes
    record.py       the run as JSON
    table.py        the run as tables
    picture.py      the roofline
    command.py      from the options to the files

Nothing here imports PyTorch unless a benchmark runs and PyTorch is installed.
"""
