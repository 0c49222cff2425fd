"""The demo's story: what happens to the simulated organisation around the instant at which the demo is first started.

Everything follows from that instant, so that a demo which is started again goes on where it was. The organisation grows
by itself; one key of it runs away over a weekend, for which OpenAI gives something back, and again while one watches.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Context, Decimal

from aispend_pipeline import money
from aispend_pipeline.due import last_month
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.scenario import Granted, Outage, Restated, Runaway, Scenario, Where

ACCOUNT, KEY = "default", "key_ci"
GIVEN_BACK = Decimal(400)
_WEEKEND_TIMES, _AGAIN_TIMES = 30, 1000
# After the start: the key runs away again, so that OpenAI's hard cap is reached; Anthropic answers for `eu`; and OpenAI
# restates a day.
_AGAIN, _REACHED, _ANSWERS, _RESTATES = (timedelta(seconds=seconds) for seconds in (120, 170, 180, 240))
_LASTS = timedelta(minutes=4)
# People are told of what could not be read three times: before so many calls, about 80 a time, it is not over.
_ASKED = 200
_DOWN = Where("anthropic", "eu")
# An account without a discount: its amounts, times that, still have no more than the 18 places that are kept.
_RESTATED, _MORE = Where("openai", "eu"), Decimal("1.03")


def story(start: datetime) -> Scenario:
    """All that happens, told from the `start`."""
    weekend, today = last_weekend(start.date()), start.date()
    wild = midnight(weekend.first) + timedelta(hours=2)
    return Scenario(
        troubles=(Outage(_DOWN, until=start + _ANSWERS, at_least=_ASKED, status=503),),
        restated=(Restated(today - timedelta(days=1), start + _RESTATES, _MORE, _RESTATED),),
        runaways=(
            Runaway(ACCOUNT, KEY, wild, midnight(weekend.last) + timedelta(hours=21), _WEEKEND_TIMES),
            Runaway(ACCOUNT, KEY, start + _AGAIN, start + _AGAIN + _LASTS, _AGAIN_TIMES),
        ),
        granted=(Granted(ACCOUNT, weekend.last + timedelta(days=1), GIVEN_BACK),),
    )


def told(start: datetime) -> list[str]:
    """The story for whoever watches, a line each."""
    weekend = last_weekend(start.date())
    return [
        f"{weekend}: {KEY} of project Code ran away; OpenAI gave {GIVEN_BACK} USD back the day after",
        f"until {start + _ANSWERS:%H:%M:%S} UTC, and until it was asked three times, Anthropic does not answer for"
        f" account {_DOWN.account}: a gap, an incident, and both healed",
        f"from {start + _AGAIN:%H:%M:%S} the key runs away again; about a minute later OpenAI's hard cap is reached",
        f"from {start + _RESTATES:%H:%M:%S} OpenAI says that yesterday cost {_RESTATED.account} 3 % more than before",
    ]


def last_weekend(today: date) -> Window:
    """The newest Saturday and Sunday that are over."""
    sunday = today - timedelta(days=today.isoweekday())
    return Window(sunday - timedelta(days=1), sunday)


def caps(at: datetime, scenario: Scenario) -> dict[str, str]:
    """Caps, as settings, of which OpenAI's soft one is reached `at` an instant, and its hard one soon after.

    Hard ones are held against the bill alone, since its books tell the minute. By then the key has spent more than is
    estimated of the running day, so that nobody sees that. The others are far away: they are taken from what last month
    came to.
    """
    spent, soon = (_of_the_month("openai", instant, scenario) for instant in (at, at + _REACHED))
    soft = _about(spent, "0.8")
    before = {provider: _billed(provider, last_month(at.date()), at, scenario) for provider in organisation.PROVIDERS}
    roomy = {"ANTHROPIC": before["anthropic"], "VERTEX": before["vertex"], "GLOBAL": money.add(before.values())}
    return {
        "AISPEND_HARD_CAPS_ON_ESTIMATES": "false",
        "OPENAI_SOFT_CAP": f"{soft:f}",
        "OPENAI_HARD_CAP": f"{max(soft, soon.to_integral_value(ROUND_CEILING)):f}",
        **{f"{name}_SOFT_CAP": f"{_about(usd, '1.5'):f}" for name, usd in roomy.items()},
        **{f"{name}_HARD_CAP": f"{_about(usd, '2'):f}" for name, usd in roomy.items()},
    }


def _of_the_month(provider: str, at: datetime, scenario: Scenario) -> Decimal:
    """What the books say `at` an instant of the month so far, USD; credits aside a dollar at least."""
    return max(_billed(provider, Window(at.date().replace(day=1), at.date()), at, scenario), Decimal(1))


def _billed(provider: str, days: Window, at: datetime, scenario: Scenario) -> Decimal:
    accounts: Iterable[str] = organisation.accounts(provider)
    return money.add(organisation.total(provider, account, days.days(), at, scenario) for account in accounts)


def _about(usd: Decimal, part: str) -> Decimal:
    """That part of an amount in two digits, USD."""
    return Context(prec=2).multiply(usd, Decimal(part))
