"""Makes a window's estimates from its usage, inside the transaction that adds it up."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby

import pyarrow as pa

from aispend_pipeline.estimates.rates import METERS, Metered, price_list, rate
from aispend_pipeline.estimates.ratios import AT_LIST, SettledDay, trailing
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.split import split
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Transaction

_USD = pa.decimal128(38, 18)
_ANYTHING = "SELECT true FROM bills UNION ALL SELECT true FROM estimate WHERE day BETWEEN $first AND $last LIMIT 1"


def estimate(transaction: Transaction, window: Window, costs: Sequence[str], *, calibrated: bool) -> bool:
    """Price all usage of the window's days that a bill will list, and say which part the bill does not have yet.

    `costs` are the sources that have bills. What was priced before keeps its price; the ratio to the bill is learnt
    anew for days without a bill, and is one if not `calibrated`. False if there is no usage, and was none.
    """
    days = {"first": window.first, "last": window.last}
    transaction.execute(statement("estimates", "measured"), days)
    transaction.execute(statement("estimates", "bills"), {"costs": list(costs)})
    if not transaction.execute(_ANYTHING, days).fetchone():
        return False
    transaction.execute(statement("estimates", "kept_rates"), days)
    _look_up_rates(transaction)
    transaction.execute(statement("estimates", "priced"))
    transaction.execute(statement("estimates", "groups"), days)
    transaction.execute(statement("estimates", "kept_ratios"), days)
    for table in ("estimate", "estimate_daily"):
        transaction.execute(f"DELETE FROM {table} WHERE day BETWEEN $first AND $last", days)  # noqa: S608 - ours
    _learn_ratios(transaction, window, calibrated=calibrated)
    transaction.execute(statement("estimates", "estimated"))
    transaction.execute(statement("estimates", "ahead"))
    transaction.execute(statement("estimates", "growing"))
    split(transaction, "ahead", "growing", "counted")
    transaction.execute(statement("estimates", "estimate"))
    transaction.execute(statement("estimates", "estimate_daily"))
    return True


def _look_up_rates(transaction: Transaction) -> None:
    """Add the list price of everything that has none yet, or why there is none."""
    asked = transaction.execute(statement("estimates", "unrated")).fetchall()
    if not asked:
        return
    found = [rate(Metered(*row[:-1]), row[-1]) for row in asked]
    names = (*Metered._fields, "meter")
    records = pa.table(
        {
            **{name: pa.array(values) for name, values in zip(names, zip(*asked, strict=True), strict=True)},
            "token_type": pa.array([METERS[row[-1]].token_type for row in asked], pa.string()),
            "unit_usd": pa.array([one.usd for one in found], _USD),
            "why": pa.array([one.why for one in found], pa.string()),
            "price_list": pa.array([price_list()] * len(asked), pa.string()),
        }
    )
    transaction.execute("INSERT INTO rates BY NAME SELECT * FROM records", records=records)


def _learn_ratios(transaction: Transaction, window: Window, *, calibrated: bool) -> None:
    """Add the ratio of each model, as it is measured, and day without a bill."""
    if not calibrated:
        return
    rows = transaction.execute(statement("estimates", "history"), {"first": window.first}).fetchall()
    learnt: list[tuple[str, str, date, str, object]] = []
    for (account, provider, model, day), history in groupby(rows, key=lambda row: row[:4]):
        ratio = trailing(SettledDay(*one[4:]) for one in history)
        if ratio != AT_LIST:
            learnt.append((account, provider, day, model, ratio))
    if learnt:
        columns = ("account", "provider", "day", "model", "ratio")
        records = pa.table(
            {name: pa.array(values) for name, values in zip(columns, zip(*learnt, strict=True), strict=True)}
        )
        transaction.execute("INSERT INTO ratios BY NAME SELECT * FROM records", records=records)
