"""Whole courses of events, which chance alone would seldom put together: each is one rule of the machine."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from aispend_pipeline.alerts.channels import HOOK
from aispend_pipeline_tests.caps.world import PROVIDERS, Mood

amounts = st.sampled_from(["0", "0.000001", "39.99", "60", "79.999999", "80", "95", "100", "104.2", "150", "-3"])
providers = st.sampled_from(PROVIDERS)
moods = st.sampled_from(list(Mood))
# Around what the policy waits for: a debounce is an hour, the hook's hold six.
spans = st.sampled_from([timedelta(minutes=m) for m in (1, 4, 10, 30, 59, 60, 61, 180, 361, 1441, 2880)])

# Whether the hook has an address at the first attempt, and at the second.
ADDRESSED = [(True, True), (True, True), (True, False), (False, True)]


class Courses(RuleBasedStateMachine):
    """Made of the steps that `machine.CapsMachine` has."""

    @rule(provider=providers, up=amounts, down=amounts, wrong=st.sampled_from(["", "stale", "hole"]), span=spans)
    def wobble(self, provider, up, down, wrong, span):
        """Up, seen, down, seen, and then perhaps something goes wrong before anybody is told."""
        for usd in (up, down):
            self.world.spent(provider, usd)
            self._evaluate(None)
        if wrong:
            self.world.doubtful[provider] = wrong
        self.world.clock.instant += span
        self._evaluate(None)

    @rule(provider=providers, usd=amounts)
    def late_after_the_month(self, provider, usd):
        """What comes late is told once, however often it is looked at."""
        self.month_roll()
        self.late(provider, usd)
        self.evaluate()

    @rule(provider=providers, ahead=amounts, after=amounts, by=st.sampled_from([timedelta(days=3), timedelta(days=40)]))
    def a_clock_was_ahead(self, provider, ahead, after, by):
        """For as long as one evaluation; then it is set right, and the world stands still."""
        self.world.clock.instant += by
        self.world.spent(provider, ahead)
        self._evaluate(None)
        self.clock_back(by)
        self.world.spent(provider, after)
        self.stand_still()

    @rule(provider=providers, moods=st.tuples(moods, moods), there=st.sampled_from(ADDRESSED))
    def armed_and_called_off(self, provider, moods, there):
        """A hard cap is reached, the hook is tried twice, where it has an address, and the cap is removed."""
        self._cap(provider, "", "100")
        self.world.spent(provider, "150")
        for mood, is_there in zip(moods, there, strict=True):
            self.configure(HOOK, is_there)
            self.world.receivers[HOOK].mood = mood
            self._evaluate(None)
            self.dispatch(1)
            self.world.clock.instant += timedelta(hours=2)
        self._cap(provider, "", "")
        self._evaluate(None)

    @rule(provider=providers, was=amounts, now_is=amounts)
    def two_evaluators_race(self, provider, was, now_is):
        """The one that measured first comes last."""
        self.world.spent(provider, was)
        older = self.world.inputs()
        self.world.spent(provider, now_is)
        self._evaluate(None)
        self._evaluate(older)
