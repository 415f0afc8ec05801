"""`reftorch bench` measures how fast the components are, and compares them with PyTorch and with the limits of the machine.

    cases.py        what is measured, as data
    work.py         how many operations and bytes a case needs
    jobs.py         how a case runs, with either library
    clock.py        times the two libraries in turns: medians, quartiles, ratios
    limits.py       the machine's multiply-adds and bytes per second
    overhead.py     what Python adds to a call
    ladder.py       the rungs of `reftorch.fast.ladder`
    processes.py    peak memory and the first step, in separate processes (worker.py)
    ranks.py        training steps on several processes
    record.py       the run as JSON
    table.py        the run as tables
    picture.py      the roofline
    command.py      from the options to the files

Nothing here imports PyTorch unless a benchmark runs and PyTorch is installed.
"""
