"""What is asked about budgets, and the fetch that each question makes: complete, or failed with what it failed of.

Facts: Google's reference of the Budgets API (v1) and of Pub/Sub's REST interface: a page of a list holds 100 at most,
and a pull may be held open for some seconds while nothing is there.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from aispend_pipeline.budgets.model import SOURCE, Budget
from aispend_pipeline.budgets.parse import budgets_of_list, next_page, one_budget
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import FetchError
from aispend_pipeline.log import bound
from aispend_pipeline.model import Fetch, FetchState, Page, Reading, Request, Window
from aispend_pipeline.settings import GoogleAccount
from aispend_pipeline.sources import google, paging
from aispend_pipeline.sources.engine import begun_at, tell
from aispend_pipeline.sources.http import Caller, Limits

MESSAGES_A_PULL = 100
_LIST_PAGE = ("pageSize", "100")
T = TypeVar("T")


class Question(NamedTuple):
    """A budget by its name, or all of a billing account; then `budget_id` is none."""

    billing_account: str
    budget_id: str | None

    @property
    def request(self) -> Request:
        """As it is asked first."""
        listed = f"/v1/billingAccounts/{self.billing_account}/budgets"
        return Request(listed, (_LIST_PAGE,)) if self.budget_id is None else Request(f"{listed}/{self.budget_id}")

    def cursor(self, body: bytes) -> str | None:
        """Where the next page is; see `paging.bodies`."""
        return next_page(body) if self.budget_id is None else None

    def parsed(self, bodies: Sequence[bytes], ai_services: Sequence[str]) -> list[Budget]:
        """What the answer says; raises `FetchError` (schema)."""
        if self.budget_id is None:
            return budgets_of_list(bodies, ai_services)
        return [one_budget(body, ai_services) for body in bodies]


def questions(account: GoogleAccount) -> list[Question]:
    """The budgets that are named, or else all of the billing accounts."""
    if account.budget_names:
        parts = [name.split("/") for name in account.budget_names]
        return [Question(billing_account, budget_id) for _, billing_account, _, budget_id in parts]
    return [Question(billing_account, None) for billing_account in account.billing_accounts]


def pull(subscription: str) -> Request:
    """The question for messages that wait."""
    return _post(f"/v1/{subscription}:pull", {"maxMessages": MESSAGES_A_PULL})


def acknowledge(subscription: str, ack_ids: Sequence[str]) -> Request:
    """The word that messages need not come again."""
    return _post(f"/v1/{subscription}:acknowledge", {"ackIds": list(ack_ids)})


def _post(path: str, content: dict[str, Any]) -> Request:
    return Request(path, method="POST", content=json.dumps(content).encode())


@dataclass(frozen=True)
class Asked(Generic[T]):
    """A fetch and what it says; or, if it failed, what of."""

    fetch: Fetch
    found: T | None
    error: FetchError | None = None


async def ask(
    caller: Caller,
    request: Request,
    cursor: paging.Cursor,
    parsed: Callable[[Sequence[bytes]], T],
    account: str,
    clock: Clock,
    limits: Limits,
) -> Asked[T]:
    """Ask to the last page. A budget is of no day: its fetch is of the day on which it was asked, and answers none."""
    started_at, began, pages = clock.now(), clock.monotonic(), list[Page]()
    fetch_id = begun_at(started_at)
    found, failed = None, None
    with bound(fetch_id=fetch_id):
        try:
            async for asked, body in paging.bodies(caller, request, cursor, _page_at, limits):
                pages.append(Page.received(Reading.ROWS, asked, clock.now(), body))
            found = parsed([page.body for page in pages])
        except FetchError as error:
            failed = error
        fetch = _made(fetch_id, account, started_at, clock.now(), pages, failed)
        tell(fetch, clock.monotonic() - began, failed.plain if failed else None)
    return Asked(fetch, found, failed)


def _made(
    fetch_id: str, account: str, started_at: datetime, now: datetime, pages: list[Page], failed: FetchError | None
) -> Fetch:
    return Fetch(
        fetch_id=fetch_id,
        source=SOURCE,
        provider=google.PROVIDER,
        account=account,
        window=Window(started_at.date(), started_at.date()),
        state=FetchState.FAILED if failed else FetchState.COMPLETE,
        started_at=started_at,
        finished_at=now,
        pages=pages,
        error_class=failed.error_class if failed else None,
        error=str(failed) if failed else None,
    )


def _page_at(request: Request, token: str) -> Request:
    return request.with_param("pageToken", token)
