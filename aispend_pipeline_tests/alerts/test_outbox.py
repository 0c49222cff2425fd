"""The outbox: who may send what and when, how often it is tried, and how every delivery ends in one way."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline.alerts.channels import Attempted, Outcome
from aispend_pipeline.alerts.outbox import LEASE, LOST, Status
from aispend_pipeline.alerts.tables import attempt
from aispend_pipeline.state.database import State
from aispend_pipeline_tests.alerts.post import BROKEN, DAY, GONE, HOUR, REFUSED, SCHEDULE, SENT, Post, post
from aispend_pipeline_tests.caps.world import START

__all__ = ["post"]


class TestLanes:
    def test_in_a_lane_everything_goes_in_order(self, post):
        post.queue("one", "two", "three")

        assert [post.send() for _ in range(4)] == ["one", "two", "three", None]
        assert post.row("one").ended_at == post.now

    def test_behind_one_that_waits_nothing_of_its_lane_goes_and_other_lanes_do(self, post):
        post.queue("one", "two")
        post.queue("three", channel="hook", lane="hook openai")
        post.queue("four", channel="hook", lane="hook global")
        post.send(BROKEN)

        assert [post.send() for _ in range(3)] == ["three", "four", None]
        assert [post.send(wait=SCHEDULE[0]), post.send()] == ["one", "two"]

    def test_behind_one_that_is_being_sent_nothing_goes_either(self, post):
        post.queue("one", "two")
        claimed = post.claim()

        assert post.claim() is None
        post.record(claimed, SENT)
        assert post.claim().message_id == "two"

    def test_behind_one_that_died_the_lane_goes_on(self, post):
        post.queue("one", "two")

        assert [post.send(GONE), post.send()] == ["one", "two"]
        assert (post.row("one").status, post.row("one").last_error) == (Status.DEAD, "answered 404")

    def test_only_the_lanes_that_are_asked_for_are_looked_at(self, post):
        post.queue("one")
        post.queue("two", lane="test slack")

        assert post.claim(lanes=("test slack",)).message_id == "two"
        assert post.claim(lanes=()) is None

    def test_what_is_for_other_channels_waits_for_them(self, post):
        post.queue("one")
        post.queue("two", channel="email")

        assert post.claim(channels=("email",)).message_id == "two"
        assert post.claim(channels=("email",)) is None
        assert (post.due("slack"), post.due("email")) == (START, None)

    def test_the_next_one_due_is_the_first_head_of_a_lane(self, post):
        assert post.due() is None
        post.queue("one", "two")
        post.queue("three", channel="email")
        post.send(BROKEN)
        post.send()

        assert post.due() == START + SCHEDULE[0]
        assert post.due("email") is None


class TestTheSchedule:
    def waits(self, post: Post, attempted: Attempted = BROKEN) -> list[timedelta]:
        """How long it waits between attempts until it is dead."""
        waits, last = [], START
        for _ in range(20):
            if post.row("one").status != Status.PENDING:
                return waits[1:]
            post.now = post.row("one").next_at
            post.send(attempted)
            waits.append(post.now - last)
            last = post.now
        raise AssertionError("it is never given up")

    def test_it_is_tried_ever_more_seldom_and_given_up_three_days_after_the_first_attempt(self, post):
        post.queue("one")

        waits = self.waits(post)

        assert waits[:8] == SCHEDULE
        assert waits[8:] == [DAY, 3 * DAY - sum(SCHEDULE, DAY)]
        assert sum(waits, timedelta(0)) == 3 * DAY
        row = post.row("one")
        assert (row.status, row.attempts, row.ended_at) == (Status.DEAD, 11, START + 3 * DAY)
        assert post.outcomes() == [(number, "retry") for number in range(1, 12)]

    def test_nothing_is_due_before_its_time(self, post):
        post.queue("one")
        post.send(BROKEN)

        assert post.claim(SCHEDULE[0] - timedelta(microseconds=1)) is None
        assert post.claim(timedelta(microseconds=1)).attempt == 2

    def test_waits_are_jittered(self, post):
        post.queue("one")
        post.jitter = 0.9
        post.send(BROKEN)

        assert post.row("one").next_at == START + timedelta(seconds=4.5)

    @pytest.mark.parametrize(
        ("asked", "wait"),
        [(3600, HOUR), (3, SCHEDULE[0]), (0, SCHEDULE[0]), (10 * 86_400, DAY), (1e9, DAY)],
        ids=["longer", "shorter", "none", "ten days", "for ever"],
    )
    def test_a_receiver_that_wants_more_time_gets_it_up_to_a_day(self, post, asked, wait):
        post.queue("one")
        post.send(Attempted(Outcome.RETRY, http_status=429, error_class="rate_limited", retry_after=asked))

        assert post.row("one").next_at == START + wait
        assert post.claim(wait - timedelta(seconds=1)) is None
        assert post.claim(timedelta(seconds=1)).attempt == 2

    def test_however_long_it_asks_for_it_is_given_up_after_three_days(self, post):
        post.queue("one")
        slow = Attempted(Outcome.RETRY, error_class="rate_limited", retry_after=86_400)

        assert self.waits(post, slow) == [DAY, DAY, DAY]
        assert post.row("one").status == Status.DEAD

    def test_a_wait_that_a_clock_ahead_has_written_is_pulled_back_to_a_day(self, post):
        post.queue("one")
        post.now = START + 40 * DAY
        post.send(BROKEN)
        post.now = START

        assert post.claim() is None
        assert post.row("one").next_at == START + DAY
        assert post.claim(DAY).attempt == 2

    @settings(max_examples=10, deadline=None)
    @given(outcomes=st.lists(st.sampled_from([BROKEN, REFUSED, None]), max_size=8), jitter=st.floats(0.9, 1.1))
    def test_whatever_fails_it_is_over_three_days_after_the_first_attempt_and_a_lease(
        self, tmp_path_factory, outcomes, jitter
    ):
        state = State(tmp_path_factory.mktemp("outbox"))
        post = Post(state)
        post.jitter = jitter
        post.queue("one")
        for attempted in [*outcomes, *([BROKEN] * 20)]:
            row = post.row("one")
            if row.status != Status.PENDING:
                break
            post.now = max(post.now, row.next_at, row.lease_until or START)
            claimed = post.claim()
            if attempted:
                post.record(claimed, attempted)
        state.close()
        assert row.status == Status.DEAD
        assert row.ended_at - START <= 3 * DAY + len(outcomes) * LEASE


class TestLeases:
    def test_one_that_is_over_may_be_taken_by_another_and_the_first_attempt_is_lost(self, post):
        post.queue("one")
        first = post.claim()

        assert post.claim(LEASE - timedelta(seconds=1)) is None
        second = post.claim(timedelta(seconds=1))

        assert (first.attempt, second.attempt, first.body, second.message_id) == (1, 2, second.body, "one")
        assert first.lease_token != second.lease_token
        assert post.outcomes() == [(1, LOST), (2, "started")]

    def test_what_comes_too_late_is_written_down_and_decides_nothing(self, post):
        post.queue("one")
        first = post.claim()
        second = post.claim(LEASE)
        post.record(first, GONE)
        assert post.row("one").status == Status.PENDING

        post.record(second, SENT)
        assert post.row("one").status == Status.DELIVERED
        assert post.outcomes() == [(1, "late"), (2, "delivered")]

    def test_one_that_ended_unnoticed_still_counts(self, post):
        post.queue("one")
        claimed = post.claim()
        post.now += 10 * LEASE
        post.record(claimed, SENT)

        assert post.row("one").status == Status.DELIVERED
        assert (post.row("one").lease_until, post.row("one").lease_token) == (None, None)

    def test_one_of_a_clock_that_was_ahead_holds_nobody_up(self, post):
        post.queue("one")
        post.claim(40 * DAY)
        post.now = START

        assert post.claim().attempt == 2

    def test_what_came_of_an_attempt_is_kept(self, post):
        post.queue("one")
        post.send(BROKEN, HOUR)

        with post.state.reading() as connection:
            (row,) = connection.execute(attempt.select())
        assert (row.message_id, row.channel, row.number, row.outcome) == ("one", "slack", 1, "retry")
        assert (row.http_status, row.error_class, row.response_excerpt) == (500, "server_error", "no")
        assert row.started_at == row.ended_at == START + HOUR
