"""Splits amounts exactly: the parts of an amount add up to it, to the last digit."""

from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Transaction


def split(transaction: Transaction, whole: str, share: str, into: str) -> None:
    """Make the table `into` (id, part, usd) of the relations `whole` (id, usd) and `share` (id, part, weight).

    Each amount is split by the weights of its parts; see `split.sql`.
    """
    transaction.execute(statement("rollup", "split").format(whole=whole, share=share, into=into))
