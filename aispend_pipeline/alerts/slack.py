"""Slack's form of a message: blocks for a phone, and a text for its notification.

Slack refuses what is too long instead of cutting it, so everything is cut here. It refuses blocks that are too long
together, too, from somewhere above 11,000 characters on: the shares below stay well under that.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from aispend_pipeline.alerts import messages
from aispend_pipeline.alerts.messages import Gravity
from aispend_pipeline.alerts.plain import ELLIPSIS, more
from aispend_pipeline.caps.model import Event

LONGEST_HEADER = 150
LONGEST_SECTION = 3000
# What an emoji and a space before a headline take, as Slack counts.
EMOJI = 3
# One detail, so that a long name leaves room for the others; a headline in a list; a line of what came too late.
LONGEST_LINE = 600
LONGEST_IN_LIST = 250
LONGEST_CARRIED = 140
CARRIED_IN_SECTION = 15
# Events that are shown with their details, and the characters of all of them; of more, the headline has to do.
MOST_IN_FULL = 20
LONGEST_IN_FULL = 4000
LONGEST_SHORT = 1000

_EMOJI = {
    Gravity.ALARM: "\N{LARGE RED CIRCLE}",
    Gravity.WARNING: "\N{LARGE ORANGE CIRCLE}",
    Gravity.NOTE: "\N{LARGE BLUE CIRCLE}",
    Gravity.GOOD: "\N{LARGE GREEN CIRCLE}",
}
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Slack has no escape for these, so that their likes stand in for them: asterisk, tilde, grave.
_LIKES = str.maketrans(
    {"*": "\N{ASTERISK OPERATOR}", "~": "\N{TILDE OPERATOR}", "`": "\N{MODIFIER LETTER GRAVE ACCENT}"}
)
# Inside a word, as in most ids, an underscore is no markup.
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_UNDERSCORE_LIKE = "\N{MODIFIER LETTER LOW MACRON}"
# What would call people, or draw a picture; the @ of a mail address does neither.
_CALLS = re.compile(r"(?<!\w)@|@(?=here|channel|everyone)|:(?=[\w+'-]+:)", re.IGNORECASE)
_GAP = "\N{ZERO WIDTH SPACE}"


class _Alert(NamedTuple):
    emoji: str
    headline: str
    details: tuple[str, ...]

    @classmethod
    def of(cls, event: Event) -> "_Alert":
        return cls(_EMOJI[messages.gravity(event)], *messages.line(event))


def body(message_id: str, events: Sequence[Event], carried: Sequence[Event], link: str | None) -> bytes:
    """The JSON for an incoming webhook: `events` in full, gravest first, and `carried` ones in a line each.

    `carried` are older events that never got through, `link` is the dashboard's address.
    """
    ranked = messages.gravest_first(events)
    alerts = [_Alert.of(event) for event in ranked]
    header = safe(f"{alerts[0].emoji} {messages.title(ranked, LONGEST_HEADER - EMOJI)}", LONGEST_HEADER)
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": True}},
        *_sections(_texts(alerts, header)),
        *_sections(_carried(carried)),
        *_sections(_dashboard(link)),
        {"type": "context", "elements": [_mrkdwn(safe(message_id))]},
    ]
    text = _joined([_short(alert) for alert in alerts], LONGEST_SECTION)
    return orjson.dumps({"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False})


def safe(text: str, most: int = LONGEST_LINE) -> str:
    """A text that Slack shows as it is, at most `most` characters as Slack counts them.

    It can neither mark up nor link, call anyone or draw a picture.
    """
    calm = _CALLS.sub(rf"\g<0>{_GAP}", _UNDERSCORE.sub(_UNDERSCORE_LIKE, text.translate(_LIKES)))
    pieces = [letter.translate(_ENTITIES) for letter in calm]
    if sum(map(size, pieces)) <= most:
        return "".join(pieces)
    return "".join(_within(pieces, most - 1)) + ELLIPSIS


def size(text: str) -> int:
    """The characters of a text as JavaScript counts them, which is never fewer than others do."""
    return len(text.encode("utf-16-le")) // 2


def _texts(alerts: Sequence[_Alert], header: str) -> list[str]:
    """As many events as there is room for with their details, the others in a line each.

    The first one's headline is not said again, if the header had room for all of it.
    """
    first, *others = alerts
    titled = safe(first.headline) not in header
    full = [_full(first, titled=titled), *(_full(alert, titled=True) for alert in others)]
    shown = _within(full[:MOST_IN_FULL], LONGEST_IN_FULL)
    return [*shown, _joined([_short(alert) for alert in alerts[len(shown) :]], LONGEST_SHORT)]


def _full(alert: _Alert, *, titled: bool) -> str:
    title = [f"{alert.emoji} *{safe(alert.headline)}*"] if titled else []
    return _joined(title + [f"\N{BULLET} {safe(detail)}" for detail in alert.details], LONGEST_SECTION)


def _short(alert: _Alert) -> str:
    return safe(f"{alert.emoji} {alert.headline}", LONGEST_IN_LIST)


def _carried(carried: Sequence[Event]) -> list[str]:
    lines = [safe(line, LONGEST_CARRIED) for line in messages.carried_lines(carried)]
    titled = ["*not delivered earlier:*", *lines] if lines else []
    starts = range(0, len(titled), CARRIED_IN_SECTION)
    return ["\n".join(titled[start : start + CARRIED_IN_SECTION]) for start in starts]


def _dashboard(link: str | None) -> list[str]:
    """A link and not a button: a webhook's app takes no clicks, and Slack would warn of that beside the button."""
    if link is None:
        return []
    address = link.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return [f"<{address}|Open the dashboard>"]


def _sections(texts: Iterable[str]) -> list[dict[str, Any]]:
    return [{"type": "section", "text": _mrkdwn(text)} for text in texts if text]


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _joined(lines: Sequence[str], most: int) -> str:
    """Lines as one text of at most `most` characters; of those for which there is no room, the number."""
    ended = [f"{line}\n" for line in lines]
    shown = _within(ended, most)
    if len(shown) < len(lines):
        shown = _within(ended, most - size(more(len(lines))[0]))
    return "".join([*shown, *more(len(lines) - len(shown))]).rstrip("\n")


def _within(pieces: Sequence[str], most: int) -> list[str]:
    """The first pieces that have room together."""
    room, kept = most, []
    for piece in pieces:
        room -= size(piece)
        if room < 0:
            break
        kept.append(piece)
    return kept
