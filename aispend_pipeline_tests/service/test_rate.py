"""How often one address may ask."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given, settings, strategies

from aispend_pipeline.service.rate import Rate, client_of

from .test_crowd import asked, nothing
from .test_guard import client_with
from .test_refusals import assert_problem
from .world import StandingClock


class Asker:
    """Asks behind a rate."""

    def __init__(self, per_second: int, most: int = 100) -> None:
        self.clock = StandingClock()
        self._rate = Rate(nothing, per_second, most, self.clock)

    def ask(self, host: str = "192.0.2.1") -> int | None:
        """Seconds to wait, none if it was let through."""
        sent: list[dict] = []

        async def send(message: dict) -> None:
            sent.append(message)

        asyncio.run(self._rate(asked(host), nothing, send))
        return int(dict(sent[0]["headers"])[b"retry-after"]) if sent else None

    def later(self, seconds: float) -> None:
        self.clock.instant += timedelta(seconds=seconds)


class TestTheRate:
    @pytest.mark.long
    def test_it_is_off_unless_it_is_set(self, client):
        assert {client.get("/healthz").status_code for _ in range(60)} == {200}

    def test_a_seconds_worth_may_come_at_once_and_more_is_told_when(self, home):
        client = client_with(home, StandingClock(), AISPEND_RATE_LIMIT="3")
        answers = [client.get(path) for path in ("/healthz", "/config", "/nothing", "/config", "/healthz")]

        assert [answer.status_code for answer in answers] == [200, 200, 404, 429, 429]
        assert_problem(answers[3], 429, "/config")
        assert answers[3].headers["retry-after"] == "1"

    @settings(max_examples=40, deadline=None, database=None)
    @given(
        per_second=strategies.integers(1, 9),
        pauses=strategies.lists(strategies.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0, 3.0]), max_size=40),
    )
    def test_over_any_time_nobody_has_more_than_the_rate_and_one_seconds_worth(self, per_second, pauses):
        asker, let = Asker(per_second), 0
        for pause in pauses:
            asker.later(pause)
            let += asker.ask() is None

        assert let <= per_second * (1 + sum(pauses)) + 1e-6
        asker.later(1.001)
        assert asker.ask() is None

    def test_others_are_not_held_up(self):
        asker = Asker(1)

        assert [asker.ask(host) for host in ("192.0.2.1", "192.0.2.1", "192.0.2.2")] == [None, 1, None]

    def test_who_is_known_is_bounded_and_who_asked_last_is_kept(self):
        asker = Asker(1, most=2)
        seen = [asker.ask(f"192.0.2.{number}") for number in (1, 2, 1, 3, 1, 2)]

        assert seen == [None, None, 1, None, 1, None]

    @pytest.mark.parametrize(
        ("host", "who"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("testclient", "testclient"),
        ],
    )
    def test_of_ipv6_a_whole_network_is_one_client(self, host, who):
        assert client_of(asked(host)) == who

    def test_what_a_client_says_of_itself_is_not_believed(self, home):
        client = client_with(home, StandingClock(), AISPEND_RATE_LIMIT="1")
        seen = [client.get("/healthz", headers={"x-forwarded-for": f"192.0.2.{n}"}).status_code for n in range(3)]

        assert seen == [200, 429, 429]
