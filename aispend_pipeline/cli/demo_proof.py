"""What the demo's service answers, and that it is what the simulator's own books say."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import httpx

from aispend_pipeline import money
from aispend_pipeline.cli import screen
from aispend_pipeline.model import Account, Window
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.scenario import Scenario


def spend(service: str, window: Window, **params: str) -> dict[str, Any]:
    """What `GET /spend` of the service at that address answers for `window`."""
    asked = {"from": str(window.first), "to": str(window.last), **params}
    answer: dict[str, Any] = httpx.get(f"{service}/spend", params=asked, timeout=30).raise_for_status().json()
    return answer


def show(service: str, window: Window) -> None:
    """The answer by provider and model, as a table."""
    answer = spend(service, window, groupBy="provider,model")
    title = f"GET /spend?from={window.first}&to={window.last}&groupBy=provider,model"
    table = screen.table(title, ["provider", "model"], ["USD", "input tokens", "output tokens"])
    for row in answer["rows"]:
        usd = "not billed" if row["cost_usd"] is None else money.on_screen(Decimal(row["cost_usd"]))
        counts = [f"{row[name]:,}" if row[name] is not None else "" for name in ("input_tokens", "output_tokens")]
        table.add_row(row["provider"], row["model"] or "unknown", usd, *counts)
    table.add_section()
    table.add_row("total", "", money.on_screen(Decimal(answer["total_usd"])))
    screen.show(table)


class Held(NamedTuple):
    """An account's answer, held against the simulator's own books; `whole` if every day of it is read."""

    account: Account
    same: bool
    whole: bool
    line: str


def hold(
    service: str, window: Window, scenario: Scenario, began: datetime, now: datetime, proven: Collection[Account] = ()
) -> list[Held]:
    """Hold the answers for the days of `window` that are over against the books, of each account but the `proven`.

    Google's books of such a day still grow: what is answered is what they were when reading `began`, or are `now`.
    """
    over = Window(window.first, date.fromordinal(window.last.toordinal() - 1))
    accounts = [(provider, name) for provider in organisation.PROVIDERS for name in organisation.accounts(provider)]
    return [_held(service, over, one, scenario, (now, began)) for one in accounts if one not in proven]


def _held(
    service: str, over: Window, account: Account, scenario: Scenario, instants: tuple[datetime, datetime]
) -> Held:
    provider, name = account
    answer = spend(service, over, groupBy="account", provider=provider, account=name)
    told = [money.text(organisation.total(provider, name, over.days(), at, scenario)) for at in instants]
    same = answer["total_usd"] in told
    billed = answer["total_usd"] if same else told[0]
    whole = answer["coverage"]["complete"]
    verdict = ("the same" if same else "NOT THE SAME") + ("" if whole else ", and not every day is read")
    figures = f"the simulator billed {billed} USD, GET /spend answers {answer['total_usd']} USD"
    return Held(account, same, whole, f"{over} {provider} {name}: {figures}: {verdict}")
