"""What can go wrong, sorted by what the reader should do.

AispendError            one line for a person
├── UsageError          ask differently or change a setting (exit code 2)
│   └── SettingsError   one line for each wrong setting
├── StoreError          the warehouse cannot be used as it is
│   ├── StoreBusy       another process is writing; try again
│   ├── Overloaded      this process has no file handle or thread left; ask again
│   └── NothingPublished  no snapshot yet
├── AssertionFailed     the figures contradict each other; nothing was changed
└── FetchError          a provider could not be read; the next run asks again
"""

import errno
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


class Trouble(StrEnum):
    """What is wrong with a store, in a word."""

    NOT_MADE = "not_made"  # nothing was ever kept in it
    MISSING = "missing"
    LOCKED = "locked"
    DAMAGED = "damaged"
    FULL = "full"
    NEARLY_FULL = "nearly_full"
    NOT_WRITABLE = "not_writable"
    NEWER = "newer"  # written by a newer version
    OLDER = "older"


class StoreError(AispendError):
    """A store's folder or file cannot be used; `trouble` says why in a word."""

    def __init__(self, text: str, trouble: Trouble = Trouble.DAMAGED) -> None:
        super().__init__(text)
        self.trouble = trouble


class StoreBusy(StoreError):
    """Another process held the writer's lock for as long as we were ready to wait."""

    def __init__(self, text: str) -> None:
        super().__init__(text, Trouble.LOCKED)


class Overloaded(StoreError):
    """This process has no file handle or no thread left; nothing is wrong with the store."""

    def __init__(self) -> None:
        super().__init__("the service has no file handle or thread left; ask again", Trouble.LOCKED)


def resources_left(error: BaseException) -> bool:
    """Whether `error`, of the system, Python or a library, is about anything but handles and threads that ran out."""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.EAGAIN):
        return False
    said = ("Too many open files", "can't start new thread", "Resource temporarily unavailable")
    return not any(text in str(error) for text in said)


class NothingPublished(StoreError):
    """No snapshot that this version can read has been published in this folder yet."""

    def __init__(self, text: str, trouble: Trouble = Trouble.NOT_MADE) -> None:
        super().__init__(text, trouble)


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
    """A window could not be read. `retry_after` is the provider's own wish, in seconds; `status` is HTTP's, if any.

    `plain` is the text without the provider's own words, where it has any: what the log may have of it.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        text: str,
        *,
        retry_after: float | None = None,
        final: bool = False,
        status: int | None = None,
        plain: str | None = None,
    ) -> None:
        super().__init__(text)
        self.error_class = error_class
        self.status = status
        quoting = error_class is ErrorClass.SCHEMA  # it may say what it stumbled over
        self.plain = plain or ("the answer has not the known shape" if quoting else text)
        self.retry_after = retry_after
        self.transient = error_class in TRANSIENT and not final
