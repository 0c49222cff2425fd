"""The demo's inbox: receivers of Slack messages, mail and the hard-cap webhook, and a page that shows what arrived.

Nothing that is received is trusted: it is shown as text, and the page may load nothing but its own two files.
"""

import html
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from aispend_pipeline.alerts import signature
from aispend_pipeline.clock import Clock
from aispend_pipeline.sql import packaged

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff", "cache-control": "no-store"}
_KEPT = 200
_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]+)>")
_BOLD = re.compile(r"\*([^*\n]+)\*")


@dataclass(frozen=True)
class Message:
    """What arrived: over which channel, under which id, its headline, and as HTML what it says and how it was sent."""

    number: int
    at: datetime
    channel: str
    identity: str
    headline: str
    said: str
    sent: str
    genuine: bool | None = None  # whether its signature is valid; none where it needs none


Told = Callable[[Message], None]


@dataclass
class Inbox:
    """The newest messages. `keys` are those that sign the webhook; `tell` hears of each message as it arrives."""

    clock: Clock
    keys: Sequence[bytes] = field(repr=False)
    tell: Told = lambda message: None
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _count: int = 0

    def app(self) -> Starlette:
        """The receivers and the page, for this machine alone."""
        routes = [
            *(Route(f"/{path}", self._receiver(read), methods=["POST"]) for path, read in _READERS.items()),
            Route("/", self._page),
            Route("/messages", self._newer),
            Route("/inbox.css", _file("inbox.css", "text/css")),
            Route("/inbox.js", _file("inbox.js", "text/javascript")),
        ]
        local = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        return Starlette(routes=routes, middleware=[local])

    def _receiver(self, read: "Read") -> Callable[[Request], Any]:
        async def receive(request: Request) -> Response:
            body = await request.body()
            try:
                content = msgspec.json.decode(body, type=dict[str, Any])
                message = read(self, request.headers, body, content)
            except (msgspec.MsgspecError, AttributeError, LookupError, TypeError, ValueError, OverflowError):
                return PlainTextResponse("not understood", 400)
            self.messages.appendleft(message)
            self.tell(message)
            return PlainTextResponse("ok")

        return receive

    def message(
        self, channel: str, identity: str, headline: str, said: str, body: bytes, genuine: bool | None = None
    ) -> Message:
        """The next message; numbers grow from one start of the demo to the next, so that an open page goes on."""
        self._count = max(self._count + 1, int(self.clock.now().timestamp()))
        sent = html.escape(msgspec.json.format(body, indent=2).decode())
        return Message(self._count, self.clock.now(), channel, identity, headline, said, sent, genuine)

    async def _page(self, request: Request) -> Response:
        page = packaged("simulator", "inbox.html").replace("<!-- messages -->", "".join(map(_article, self.messages)))
        return HTMLResponse(page, headers=_HEADERS)

    async def _newer(self, request: Request) -> Response:
        """The messages after number `after`, newest first."""
        after = request.query_params.get("after", "")
        last = int(after) if after.isascii() and after.isdigit() else 0
        return HTMLResponse("".join(_article(one) for one in self.messages if one.number > last), headers=_HEADERS)


Read = Callable[[Inbox, Headers, bytes, dict[str, Any]], Message]


def _slack(inbox: Inbox, headers: Headers, body: bytes, content: dict[str, Any]) -> Message:
    header, *blocks = content["blocks"]
    said = "".join(_block(block) for block in blocks)
    return inbox.message("Slack", headers["aispend-id"], header["text"]["text"], said, body)


def _block(block: dict[str, Any]) -> str:
    if block["type"] == "context":
        return f"<small>{''.join(_mrkdwn(one['text']) for one in block['elements'])}</small>"
    return f"<p>{_mrkdwn(block['text']['text'])}</p>"


def _mrkdwn(text: str) -> str:
    """Slack's markup as HTML: links, bold type, and its three entities."""
    made, at = [], 0
    for link in _LINK.finditer(text):
        made += [_bold(text[at : link.start()]), f'<a href="{_plain(link[1])}">{_plain(link[2])}</a>']
        at = link.end()
    return "".join([*made, _bold(text[at:])])


def _bold(text: str) -> str:
    return _BOLD.sub(r"<strong>\1</strong>", _plain(text))


def _plain(text: str) -> str:
    return html.escape(html.unescape(text))


def _mail(inbox: Inbox, headers: Headers, body: bytes, content: dict[str, Any]) -> Message:
    said = f"<p>{html.escape(content['text'])}</p>"
    return inbox.message("Mail", headers["aispend-id"], content["subject"], said, body)


def _hook(inbox: Inbox, headers: Headers, body: bytes, content: dict[str, Any]) -> Message:
    data = {name: text for name, text in content["data"].items() if isinstance(text, str)}
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in data.items())
    genuine = signed(headers, body, inbox.keys)
    return inbox.message("Webhook", headers["webhook-id"], content["type"], f"<dl>{rows}</dl>", body, genuine)


def signed(headers: Headers, body: bytes, keys: Sequence[bytes]) -> bool:
    """Whether a request carries the signature of one of `keys`, as Standard Webhooks has it."""
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    wanted = signature.headers(headers["webhook-id"], at, body, keys).get("webhook-signature", "").split()
    given = headers.get("webhook-signature", "").split()
    return any(compare_digest(one, other) for one in wanted for other in given)


_READERS: dict[str, Read] = {"slack": _slack, "mail": _mail, "hook": _hook}


_VERDICTS = {
    None: "",
    True: '<strong class="good">signature valid</strong>',
    False: '<strong class="bad">signature not valid</strong>',
}


def _article(message: Message) -> str:
    return (
        f'<article id="message-{message.number}" data-number="{message.number}">'
        f'<header><b class="{message.channel.lower()}">{message.channel}</b>'
        f'<time datetime="{message.at.isoformat()}">{message.at:%H:%M:%S} UTC</time>'
        f"<code>{html.escape(message.identity)}</code>{_VERDICTS[message.genuine]}</header>"
        f"<h2>{html.escape(html.unescape(message.headline))}</h2>{message.said}"
        f"<details><summary>as it was sent</summary><pre>{message.sent}</pre></details></article>\n"
    )


def _file(name: str, media_type: str) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        return Response(packaged("simulator", name), media_type=media_type, headers=_HEADERS)

    return answer
