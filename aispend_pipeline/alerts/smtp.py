"""One mail to a mail server: the stored message as MIME, handed over within the bounds of an attempt."""

import asyncio
import json
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP as MAIL_POLICY
from email.utils import format_datetime

import aiosmtplib

from aispend_pipeline import addresses
from aispend_pipeline.alerts.attempts import Attempted, Fault, Outcome, Outgoing, SendLimits, excerpt, undelivered
from aispend_pipeline.settings.smtp import Smtp, Tls
from aispend_pipeline.tls import trusted, unchecked

# Ids are words without a space to break at; a shorter limit would have them encoded.
# Servers that take a stranger's mail only at the second try want to see that within minutes.
_PATIENCE = timedelta(minutes=30)
_POLICY = MAIL_POLICY.clone(max_line_length=200, cte_type="7bit")


class _TlsMissing(Exception):
    """The server does not offer the TLS that is asked for."""


@dataclass
class _Progress:
    """How far an attempt has come, since the time may be up at any point."""

    connected: bool = False
    maybe_received: bool = False
    taken: str | None = None
    refused: int = 0
    patient: bool = True  # there is time to wait for recipients that are only taken later


@dataclass(frozen=True)
class Mail:
    """Mail by SMTP to all recipients at once."""

    name: str
    server: Smtp
    limits: SendLimits

    async def send(self, outgoing: Outgoing, now: datetime) -> Attempted:
        """Hand it over once."""
        mail = mime(outgoing, self.server).as_bytes()
        progress = _Progress(patient=now - outgoing.created_at < _PATIENCE)
        failed: Exception | None = None
        try:
            async with asyncio.timeout(self.limits.attempt_seconds):
                await self._hand_over(mail, progress)
        except (aiosmtplib.SMTPException, _TlsMissing, OSError, ValueError) as error:
            failed = error
        if progress.taken is not None:  # whatever came after that is no matter
            return self._delivered(progress)
        if failed is None:
            raise AssertionError("unreachable: what is not taken ends in an error")
        return self._failed(failed, progress)

    async def _hand_over(self, mail: bytes, progress: _Progress) -> None:
        ips = await addresses.resolve(self.server.host, self.server.port)
        client = aiosmtplib.SMTP(
            hostname=self.server.host.rstrip("."),
            sock=await _connect(ips, self.server.port, self.limits.connect_seconds),
            use_tls=self.server.tls is Tls.IMPLICIT,
            start_tls=False,
            tls_context=unchecked() if self.server.tls is Tls.OFFERED else trusted("smtp"),
            local_hostname=_own_name(),
            timeout=self.limits.attempt_seconds,
        )
        progress.connected = True
        try:
            await client.connect()
            await self._log_in(client)
            await self._envelope(client, progress)
            progress.maybe_received = True
            answer = await client.data(mail)
            progress.taken = f"{answer.code} {answer.message}"
            await client.quit(timeout=self.limits.connect_seconds)
        finally:
            transport = client.transport
            client.close()
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()  # TLS would wait for the other side's goodbye

    async def _log_in(self, client: aiosmtplib.SMTP) -> None:
        """TLS first, so that the password is never sent before it."""
        if self.server.tls in (Tls.REQUIRED, Tls.OFFERED):
            await client.ehlo()
            if client.supports_extension("starttls"):
                await client.starttls()
            elif self.server.tls is Tls.REQUIRED:
                raise _TlsMissing
        if self.server.user is not None and self.server.password is not None:
            await client.login(self.server.user, self.server.password.get_secret_value())

    async def _envelope(self, client: aiosmtplib.SMTP, progress: _Progress) -> None:
        """From whom and to whom; the mail goes to those that the server takes, if there are any.

        As long as there is time, one that is only taken later has all wait: a second mail would reach the others twice.
        """
        await client.mail(self.server.sender)
        refusals = []
        for recipient in self.server.recipients:
            try:
                await client.rcpt(recipient)
            except aiosmtplib.SMTPRecipientRefused as refusal:
                refusals.append(refusal)
        progress.refused = len(refusals)
        first = min(refusals, key=lambda refusal: refusal.code, default=None)  # one that may do later decides
        waits = progress.patient and first is not None and first.code < 500
        if first is not None and (waits or len(refusals) == len(self.server.recipients)):
            raise first

    def _delivered(self, progress: _Progress) -> Attempted:
        answer = self._excerpt(progress.taken or "")
        some = f", but refused {progress.refused} of {len(self.server.recipients)} recipients" * bool(progress.refused)
        return Attempted(Outcome.DELIVERED, told=f"{self.server.origin} took it{some}: {answer}", excerpt=answer)

    def _failed(self, error: Exception, progress: _Progress) -> Attempted:
        origin, never_sent = self.server.origin, not progress.maybe_received
        if isinstance(error, _TlsMissing):
            told = f"{origin} offers no STARTTLS; nothing was sent. Use smtps: or, in a trusted network, tls=never"
            return Attempted(Outcome.DEAD, True, None, Fault.TLS_REQUIRED, told)
        if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600:
            answer = self._excerpt(f"{error.code} {error.message}")
            later = error.code < 500
            outcome, fault = (Outcome.RETRY, Fault.SMTP_4XX) if later else (Outcome.DEAD, Fault.SMTP_5XX)
            return Attempted(outcome, never_sent, None, fault, f"{origin} answered {answer}", answer)
        if type(error) is aiosmtplib.SMTPException:
            told = f"{origin} takes no login of a kind that is known here; nothing was sent"
            return Attempted(Outcome.DEAD, True, None, Fault.NO_LOGIN, told)
        return undelivered(error, origin, connected=progress.connected, never_sent=never_sent)

    def _excerpt(self, answer: str) -> str:
        password = self.server.password.get_secret_value() if self.server.password else ""
        secrets = (password, self.server.user or "", self.server.sender, *self.server.recipients)
        return excerpt(answer.encode("utf-8", "replace"), secrets)


def mime(outgoing: Outgoing, server: Smtp) -> EmailMessage:
    """The stored message as a mail; only the number of the attempt differs between two of them."""
    stored = json.loads(outgoing.body)
    instance = stored["instance"]
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = server.sender
    mail["To"] = ", ".join(server.recipients)
    mail["Subject"] = " ".join(_clean(stored["subject"]).split())
    mail["Date"] = format_datetime(datetime.fromisoformat(stored["created_at"]))
    mail["Message-ID"] = _message_id(stored["id"], instance)
    references = " ".join(_message_id(thread, instance) for thread in stored["threads"])
    if references:
        mail["References"] = references
    mail["Auto-Submitted"] = "auto-generated"
    mail["Aispend-Attempt"] = str(outgoing.attempt)
    mail.set_content(_clean(stored["text"]), cte="quoted-printable")
    return mail


def _clean(text: str) -> str:
    """`text` without half surrogates, which no mail can carry."""
    return text.encode("utf-8", "replace").decode()


def _message_id(name: str, instance: str) -> str:
    kept = re.sub(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~-]", "-", f"{name}")
    return f"<{kept}@{instance}.aispend>"


async def _connect(ips: Iterable[addresses.IP], port: int, seconds: float) -> socket.socket:
    """A connection to the first of `ips` that takes one."""
    failed: OSError = OSError("no address")
    for ip in ips:
        connection = socket.socket(socket.AF_INET6 if ip.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_connect(connection, (str(ip), port))
        except OSError as error:  # a time-out is one too
            connection.close()
            failed = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failed


def _own_name() -> str:
    """What this machine calls itself; a look-up of its full name could take long."""
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9.-]+", name, re.ASCII) else "localhost"
