import pytest


@pytest.fixture(scope="session")
def formulas():
    """KaTeX, which the tests that ask for it need."""
    from reftorch.site import mathematics  # not above: the conftest.py of all tests first decides what CUDA is

    try:
        mathematics.install()
        mathematics.katex("x", False)
    except RuntimeError as error:
        pytest.skip(str(error))
