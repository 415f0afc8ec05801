"""A recording in words, to compare with what a test expects."""


def told(recording):
    """The steps with names in place of numbers: (line of source, variables, cells read, cells written)."""
    lines = [line.strip() for source in recording.functions for line in source.source]
    cells = [f"{a.name}[{i}]" for a in recording.arrays for i in range(len(a.data))]
    steps = []
    for row, *rest in recording.steps:
        changes, reads, writes = (*rest, [], [], [])[:3]
        names = {recording.variables[v].name: value for v, value in zip(changes[::2], changes[1::2])}
        wrote = {cells[cell]: value for cell, value in zip(writes[::2], writes[1::2])}
        steps.append((lines[row], names, [cells[cell] for cell in reads], wrote))
    return steps
