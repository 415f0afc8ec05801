"""One process that computes the reference for many tests of the course: it never meets a submission, and starting it takes a second."""

import contextlib

import pytest

from reftorch.course import grade, trial
from reftorch.course.limits import Worker


class Kept:
    """In place of `Worker(assignment, None)`: starts when it is asked first, and stays until `end`."""

    def __init__(self, assignment):
        self.assignment, self.worker = assignment, None

    def run(self, job, seconds):
        if self.worker is None:
            self.worker = Worker(self.assignment, None)
        return self.worker.run(job, seconds)

    def close(self):
        pass

    def end(self):
        if self.worker is not None:
            self.worker.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextlib.contextmanager
def kept_reference(assignment):
    """Within the block, all gradings of this assignment share the process of the reference; submissions get their own."""
    kept = Kept(assignment)

    def start(other, file):
        return kept if file is None and other.module == assignment.module else Worker(other, file)

    with pytest.MonkeyPatch.context() as patch:
        for module in (grade, trial):
            patch.setattr(module, "Worker", start)
        try:
            yield
        finally:
            kept.end()
