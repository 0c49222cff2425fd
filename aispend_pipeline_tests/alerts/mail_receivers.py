"""A mail server on loopback that keeps what it gets and does as a script says."""

import asyncio
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@contextmanager
def greeting(text: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that says `text` at once, and closes when it hears something; with `tls`, it never does."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with tls.wrap_socket(connection, server_side=True) if tls else connection as connection:
                connection.sendall(text)
                if tls:
                    over.wait(10)
                    return
                connection.settimeout(5)
                with suppress(OSError):
                    connection.recv(1024)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@dataclass(frozen=True)
class Mail:
    """One mail as it came in."""

    sender: str
    recipients: list[str]
    content: bytes
    over_tls: bool
    user: str | None
    at: datetime

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)


@dataclass
class SmtpReceiver:
    """A mail server that keeps every mail; `replies` has, by command, what to say instead, used up in turn.

    The reply `drop` closes the connection without a word; in answer to DATA the mail has then been kept.
    """

    replies: dict[str, list[str]] = field(default_factory=dict)
    received: list[Mail] = field(default_factory=list)
    logins: list[tuple[str, bool]] = field(default_factory=list)  # password, and whether it came over TLS
    port: int = 0
    password: str | None = None

    def _scripted(self, command: str, server: SMTP) -> str | None:
        left = self.replies.get(command)
        reply = left.pop(0) if left else None
        if reply == "drop":
            server.transport.abort()
        return reply

    async def handle_EHLO(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        reply = self._scripted("EHLO", server)
        return [reply] if reply else responses

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._scripted("MAIL", server) or "250 OK"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self._scripted("RCPT", server) or "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        reply = self._scripted("DATA", server) or "250 taken"
        if reply.startswith(("250", "drop")):
            over_tls = _over_tls(server)
            user = session.auth_data.login.decode() if session.auth_data else None
            self.received.append(
                Mail(
                    envelope.mail_from or "",
                    list(envelope.rcpt_tos),
                    envelope.content,
                    over_tls,
                    user,
                    datetime.now(UTC),
                )
            )
        return reply

    async def handle_QUIT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        return self._scripted("QUIT", server) or "221 bye"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: Any
    ) -> AuthResult:
        password = auth_data.password.decode()
        self.logins.append((password, _over_tls(server)))
        return AuthResult(success=password == self.password, handled=False, auth_data=auth_data)


def _over_tls(server: SMTP) -> bool:
    return server.transport.get_extra_info("sslcontext") is not None


@contextmanager
def smtp_receiver(
    *,
    tls: ssl.SSLContext | None = None,
    implicit: bool = False,
    password: str | None = None,
    **replies: list[str],
) -> Iterator[SmtpReceiver]:
    """A mail server on loopback: with STARTTLS if there is `tls`, or TLS from the first byte if `implicit`.

    `replies` are by command: `RCPT=["550 no such user"]`.
    """
    receiver = SmtpReceiver({command: list(texts) for command, texts in replies.items()}, password=password)

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a login without TLS is unsafe is the point of a test
            return SMTP(
                receiver,
                hostname="sink.example",
                enable_SMTPUTF8=False,
                tls_context=None if implicit else tls,
                authenticator=receiver.authenticate if password is not None else None,
                auth_require_tls=tls is not None and not implicit,
            )

    with _loop_of_its_own() as run:

        async def listen() -> asyncio.Server:
            loop = asyncio.get_running_loop()
            return await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if implicit else None)

        server = run(listen())
        receiver.port = server.sockets[0].getsockname()[1]
        yield receiver
        run(_close(server))


async def _close(server: asyncio.Server) -> None:
    server.close()
    mine = asyncio.current_task()
    others = [task for task in asyncio.all_tasks() if task is not mine]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def _loop_of_its_own() -> Iterator[Callable[..., Any]]:
    """A running event loop in a thread; gives what runs a coroutine there and waits for it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
