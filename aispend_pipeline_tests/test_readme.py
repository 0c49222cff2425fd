"""The README says what is declared, and promises nothing else."""

from .readme import README, written


def test_the_tables_are_what_is_declared():
    assert README.read_text() == written(README.read_text())
