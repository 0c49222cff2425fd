"""Reads the names of all accounts side by side, and stores each account's as it ends."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import ENDS_THE_ACCOUNT, AispendError, ErrorClass, FetchError
from aispend_pipeline.interrupts import like_ctrl_c
from aispend_pipeline.log import fault, log
from aispend_pipeline.model import Account
from aispend_pipeline.names import anthropic, kept, openai
from aispend_pipeline.names.lists import Item, Kind, NameList
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import paging
from aispend_pipeline.sources.http import Caller, Endpoint, Limits, client
from aispend_pipeline.state.call_budget import budget_of
from aispend_pipeline.warehouse import Warehouse

# A key may be refused one list and be given another.
_ENDS_THE_ACCOUNT = ENDS_THE_ACCOUNT - {ErrorClass.UNAUTHORIZED}


@dataclass(frozen=True)
class _Provider:
    """How one provider is asked for names."""

    endpoint: Callable[[Settings, str], Endpoint]
    lists: Callable[[Settings, str], Sequence[NameList]]


_PROVIDERS: Mapping[str, _Provider] = {
    "openai": _Provider(openai.endpoint, openai.lists),
    "anthropic": _Provider(anthropic.endpoint, anthropic.lists),
}


def accounts(settings: Settings) -> list[Account]:
    """The accounts whose names are read: all that have a key, of the providers that are on."""
    return [
        (provider, account.name)
        for provider in _PROVIDERS
        if settings.enabled(provider)
        for account in settings.accounts(provider)
    ]


@dataclass
class NamesRead:
    """What an account's lists said; some names are there even if not all lists could be read.

    `errors` has a line for each list that could not be. With `out_of_budget` nothing else is wrong: the account's
    calls are used up, and it is asked again later.
    """

    provider: str
    account: str
    started_at: datetime
    names: dict[tuple[Kind, str], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    out_of_budget: bool = False

    def __str__(self) -> str:
        return f"{self.provider} {self.account}"

    @property
    def complete(self) -> bool:
        """Whether every list was read to its end."""
        return not self.errors

    @property
    def error(self) -> str | None:
        """The first error, and how many there are besides."""
        if not self.errors:
            return None
        more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
        return self.errors[0] + more

    def counts(self) -> dict[str, int]:
        """How many names of each kind were read."""
        return dict(Counter(kind.value for kind, _ in self.names))


def read_names(
    settings: Settings,
    warehouse: Warehouse,
    *,
    clock: Clock,
    limits: Limits,
    only: Collection[Account] | None = None,
) -> list[NamesRead]:
    """Read the names of every account, or `only` of some, store each one's as it ends, and publish them once.

    An account that cannot be read is returned with its errors, and does not touch the others.
    """

    async def read_all() -> list[NamesRead]:
        async with client(limits) as http:
            tasks = [
                asyncio.create_task(_read_account(provider, account, settings, http, clock, limits))
                for provider, account in accounts(settings)
                if only is None or (provider, account) in only
            ]
            try:
                return [await _stored(warehouse, await ended, clock) for ended in asyncio.as_completed(tasks)]
            finally:
                for task in tasks:
                    task.cancel()

    with like_ctrl_c():
        read = asyncio.run(read_all())
    if read:
        warehouse.publish()
    return sorted(read, key=str)


async def _stored(warehouse: Warehouse, read: NamesRead, clock: Clock) -> NamesRead:
    seconds = round((clock.now() - read.started_at).total_seconds(), 3)
    await asyncio.to_thread(_store, warehouse, read)
    counts = {"names": len(read.names), "errors": len(read.errors)}
    log.info("names.read", provider=read.provider, account=read.account, **counts, seconds=seconds)
    return read


def _store(warehouse: Warehouse, read: NamesRead) -> None:
    with warehouse.write() as transaction:
        kept.store(transaction, (read.provider, read.account), read.names, read.started_at, read.error)


async def _read_account(
    provider: str, account: str, settings: Settings, http: httpx.AsyncClient, clock: Clock, limits: Limits
) -> NamesRead:
    read = NamesRead(provider, account, clock.now())
    of = _PROVIDERS[provider]
    endpoint = of.endpoint(settings, account)
    try:
        budget = budget_of(settings.home, provider, account, endpoint.calls_per_hour)
        caller = Caller(http, endpoint, clock, limits, clock.monotonic() + limits.account_seconds, budget)
        await _read_lists(of.lists(settings, account), caller, limits, read)
    except Exception as error:  # whatever it is, it is this account's alone
        log.error("fault", what=f"names {read}", **fault(error))
        told = str(error) if isinstance(error, AispendError) else repr(error)
        read.errors.append(endpoint.redacted(told))
    return read


def _told(kind: Kind, item: Item) -> dict[tuple[Kind, str], str]:
    """The names that an item tells: its own, and whose it is, with a name where the list has one."""
    told = {(kind, item.id): item.called} if item.called else {}
    owner = item.whose if kind is Kind.API_KEY else None
    if owner:
        told[Kind.API_KEY_OWNER, item.id] = owner.id
    if owner and owner.called:
        told[owner.kind, owner.id] = owner.called
    return told


async def _read_lists(lists: Sequence[NameList], caller: Caller, limits: Limits, read: NamesRead) -> None:
    """Fill `read` from the lists and those under their items, one after the other; one that is refused is left out."""
    unread = deque(lists)
    while unread:
        asked = unread.popleft()
        try:
            async for _, body in paging.bodies(caller, asked.request, asked.cursor, asked.following, limits):
                for item in asked.listed(body).items:
                    read.names |= _told(asked.kind, item)
                    if asked.under:
                        unread.append(asked.under(item.id))
        except FetchError as error:
            of = {"provider": read.provider, "account": read.account, "error_class": error.error_class}
            log.warning("names.refused", **of, error=error.plain)
            read.errors.append(str(error))
            if error.error_class in _ENDS_THE_ACCOUNT:
                read.out_of_budget = error.error_class is ErrorClass.OUT_OF_BUDGET and len(read.errors) == 1
                return
