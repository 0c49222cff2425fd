"""What takes a delivery out of its lane unsent: a newer message, or that it is certainly not true any more."""

import pytest

from aispend_pipeline.alerts.channels import Attempted, Outcome
from aispend_pipeline.alerts.outbox import LEASE, LOST, Outbox, Status
from aispend_pipeline.alerts.tables import message_event
from aispend_pipeline_tests.alerts.post import BROKEN, DAY, GONE, HOUR, REFUSED, SCHEDULE, SENT, Post, post
from aispend_pipeline_tests.caps.world import START

__all__ = ["post"]


class TestSuperseding:
    def told(self, post: Post, message_id: str) -> list[tuple[str, bool]]:
        with post.state.reading() as connection:
            rows = connection.execute(message_event.select().filter_by(message_id=message_id)).all()
        return [(row.event_id, row.carried) for row in rows]

    def test_what_waits_is_taken_out_and_its_events_given_oldest_first(self, post):
        post.queue("one", "two")
        post.send(BROKEN)

        assert post.call("supersede", "slack") == (("evt_one", "evt_two"), None)
        assert {post.row(one).status for one in ("one", "two")} == {Status.SUPERSEDED}
        assert post.call("supersede", "slack") == ((), None)
        assert post.claim(DAY) is None

    def test_what_was_carried_is_carried_on_before_what_it_was_carried_with(self, post):
        post.queue("two", carried=("evt_zero", "evt_one"))
        post.queue("three")

        *carried, own, last = post.call("supersede", "slack").events

        assert (set(carried), own, last) == ({"evt_zero", "evt_one"}, "evt_two", "evt_three")
        assert sorted(self.told(post, "two")) == [("evt_one", True), ("evt_two", False), ("evt_zero", True)]

    def test_what_is_being_sent_stays_and_goes_first(self, post):
        post.queue("one", "two")
        claimed = post.claim()

        assert post.call("supersede", "slack").events == ("evt_two",)
        post.queue("three")
        post.record(claimed, BROKEN)
        assert [post.send(wait=SCHEDULE[0]), post.send()] == ["one", "three"]

    def test_a_lease_that_is_over_protects_nothing(self, post):
        post.queue("one")
        claimed = post.claim()
        post.now += LEASE

        assert post.call("supersede", "slack").events == ("evt_one",)
        assert post.outcomes() == [(1, LOST)]
        post.record(claimed, SENT)
        assert (post.row("one").status, post.outcomes()) == (Status.SUPERSEDED, [(1, "late")])

    def test_how_long_the_receiver_wants_to_be_left_alone_is_handed_on(self, post):
        post.queue("one", "two")
        post.send(Attempted(Outcome.RETRY, error_class="rate_limited", retry_after=3600))

        assert post.call("supersede", "slack") == (("evt_one", "evt_two"), START + HOUR)

    def test_other_lanes_and_what_is_over_are_left_alone(self, post):
        post.queue("one", "two")
        post.queue("three", channel="email")
        post.send(GONE)
        post.send()

        assert post.call("supersede", "slack").events == ()
        assert (post.row("one").status, post.row("three").status) == (Status.DEAD, Status.PENDING)


class TestWithdrawal:
    """Only what certainly nobody has received is withdrawn."""

    def withdrawn(self, post: Post) -> bool:
        done = post.call("withdraw", "one", "hook")
        assert (post.row("one").status == Status.CANCELLED) is done
        return done

    @pytest.fixture(autouse=True)
    def queued(self, post):
        post.queue("one", channel="hook", lane="hook openai")

    def test_what_was_never_tried_is(self, post):
        assert self.withdrawn(post)
        assert post.claim(DAY) is None

    def test_so_is_what_could_not_be_connected_once(self, post):
        post.send(REFUSED)
        assert self.withdrawn(post)

    @pytest.mark.parametrize("attempted", [BROKEN, Attempted(Outcome.RETRY, error_class="timeout")])
    def test_what_was_sent_is_not(self, post, attempted):
        post.send(attempted)
        assert not self.withdrawn(post)

    @pytest.mark.parametrize("first", [REFUSED, BROKEN])
    def test_nor_what_was_tried_twice_whatever_came_of_it(self, post, first):
        post.send(first)
        post.send(REFUSED, SCHEDULE[0])
        assert not self.withdrawn(post)

    def test_nor_what_is_being_sent(self, post):
        post.claim()
        assert not self.withdrawn(post)

    def test_nor_what_could_not_be_connected_after_an_attempt_was_lost(self, post):
        post.claim()
        post.send(REFUSED, LEASE)
        assert not self.withdrawn(post)

    @pytest.mark.parametrize("ended", [SENT, GONE])
    def test_nor_what_is_over(self, post, ended):
        post.send(ended)
        assert not self.withdrawn(post)

    def test_nor_what_went_to_another_channel(self, post):
        assert not post.call("withdraw", "one", "slack")
        assert not post.call("withdraw", "two", "hook")


def test_one_message_goes_to_each_channel_once(post):
    post.queue("one")
    post.queue("one", channel="email")

    with post.state.reading() as connection:
        assert [Outbox(connection).has("one", channel) for channel in ("slack", "email", "hook")] == [True, True, False]
    assert [post.send(), post.send(), post.send()] == ["one", "one", None]
