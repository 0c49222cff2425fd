"""What can go wrong, sorted by what the reader should do.

AispendError            one line for a person
├── UsageError          ask differently or change a setting (exit code 2)
│   └── SettingsError   one line for each wrong setting
├── StoreError          the warehouse cannot be used as it is
│   ├── StoreBusy       another process is writing; try again
│   └── NothingPublished  no snapshot yet
├── AssertionFailed     the figures contradict each other; nothing was changed
└── FetchError          a provider could not be read; the next run asks again
"""

from enum import StrEnum


class AispendError(Exception):
    """Base of all: its text is one line that says what happened, to what, and what to do."""


class UsageError(AispendError):
    """What was asked cannot be done."""


class SettingsError(UsageError):
    """Settings that cannot be used; `lines` has one for each."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class StoreError(AispendError):
    """The warehouse's folder or file cannot be used."""


class StoreBusy(StoreError):
    """Another process held the writer's lock for as long as we were ready to wait."""


class NothingPublished(StoreError):
    """No snapshot has been published in this folder yet."""


class AssertionFailed(AispendError):
    """A figure that must hold does not; the transaction was rolled back. `check` names it."""

    def __init__(self, check: str, text: str) -> None:
        super().__init__(text)
        self.check = check


class ErrorClass(StrEnum):
    """Why a fetch failed."""

    CONNECT = "connect"
    DNS = "dns"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN_OFF = "broken_off"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNAUTHORIZED = "unauthorized"
    REJECTED = "rejected"
    REDIRECT = "redirect"
    UNEXPECTED_CONTENT = "unexpected_content"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    TOO_MANY_PAGES = "too_many_pages"
    CURSOR_LOOP = "cursor_loop"
    SCHEMA = "schema"
    CONTROL_MISMATCH = "control_mismatch"
    OUT_OF_TIME = "out_of_time"
    INTERNAL = "internal"  # a fault on our side
    OUT_OF_BUDGET = "out_of_budget"  # the calls an account may make are used up; nothing is wrong


# Another attempt within the same fetch may succeed.
TRANSIENT = frozenset(
    {
        ErrorClass.CONNECT,
        ErrorClass.DNS,
        ErrorClass.TIMEOUT,
        ErrorClass.BROKEN_OFF,
        ErrorClass.RATE_LIMITED,
        ErrorClass.SERVER_ERROR,
        ErrorClass.MALFORMED,
    }
)


# What would befall an account's other questions too, so that they are not put.
ENDS_THE_ACCOUNT = frozenset(
    {
        ErrorClass.CONNECT,
        ErrorClass.DNS,
        ErrorClass.TLS,
        ErrorClass.TIMEOUT,
        ErrorClass.UNAUTHORIZED,
        ErrorClass.RATE_LIMITED,
        ErrorClass.OUT_OF_TIME,
        ErrorClass.OUT_OF_BUDGET,
    }
)


class FetchError(AispendError):
    """A window could not be read. `retry_after` is the provider's own wish, in seconds; `status` is HTTP's, if any."""

    def __init__(
        self,
        error_class: ErrorClass,
        text: str,
        *,
        retry_after: float | None = None,
        final: bool = False,
        status: int | None = None,
    ) -> None:
        super().__init__(text)
        self.error_class = error_class
        self.status = status
        self.retry_after = retry_after
        self.transient = error_class in TRANSIENT and not final
