"""From what is seen to how many workers there should be, and why. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping

from config.settings import Settings
from daemon.scaling.clocked_lanes import ClockedLanes, ClockSight
from daemon.scaling.expected_in_flight import ExpectedInFlight
from daemon.scaling.gathering import Due, Gathering, LaneSight
from daemon.scaling.group_lag import in_all, topic_lags, what_waits
from daemon.scaling.group_rates import ArrivalRate, ServedRate
from daemon.scaling.lag_age import LagAge
from daemon.scaling.observation import Observation, Partition
from daemon.scaling.own_rate import Work
from daemon.scaling.policy import Decision, Policy
from daemon.scaling.ready_lane import Power
from daemon.scaling.remembered import Remembered, Subject, believed
from daemon.scaling.report import LaneLoad, ScalingReport, TopicLag
from daemon.scaling.required_workers import GroupLoad
from daemon.scaling.service_rate import Origin, ServiceRate
from daemon.scaling.start_time import StartTime
from daemon.scaling.stuck import Standstill, Stuck, patience
from daemon.scaling.window_need import NOTHING, Beside
from daemon.scaling.window_workers import WindowWorkers, closing, together

_MEASURED = frozenset({Origin.MEASURED, Origin.WORKERS})


class Scaler:
    """Takes one observation after the other, and learns from them."""

    def __init__(self, settings: Settings, max_workers: int, *, files: str = "") -> None:
        """`files`: as daemon.group_watch.model_files tells it, empty when unknown."""
        self._subject = Subject.of(settings, files)
        self._remembered: Remembered | None = None
        self._start = StartTime()
        self._settings_start_s = settings.scaling.start_time
        self._gathering = Gathering(settings)
        self.measured: Remembered | None = None
        """What is to be remembered when the group has no members; None before it was measured."""
        self._lanes = {name: lane.topics for name, lane in settings.lanes.items()}
        self._topics = [topic for topics in self._lanes.values() for topic in topics]
        self._always = {
            name: lane.topics for name, lane in settings.lanes.items() if not lane.by_clock
        }
        """Lanes that are always open: what arrives there is work."""
        self._gathering_topics = frozenset(self._topics).difference(*self._always.values())
        """Of lanes that open by the clock: only there requests wait by design."""
        self._clocked = ClockedLanes(settings)
        self._arrivals = ArrivalRate(self._lanes)
        self._served = ServedRate()
        self._stuck = Stuck(patience(settings))
        self._age = LagAge()
        self._waiting_age = LagAge()
        self._by_design = ExpectedInFlight(settings)
        self._service = ServiceRate(settings, self._by_design)
        self._scaling, self._max_workers = settings.scaling, max_workers
        self._policy = Policy(settings.scaling, max_workers=max_workers)
        self._window_workers = WindowWorkers(settings.scaling, max_workers=max_workers)

    def take(
        self, observation: Observation, workers: int, work: Work | None = None
    ) -> ScalingReport:
        """Decide by `observation`.

        Args:
            observation: what was seen.
            workers: serving or starting now.
            work: what the workers say of their work, where they can be reached.
        """
        self._recall(observation)
        self._arrivals.see(observation)
        self._served.see(observation)
        power = Power(
            self._service.rate, self._max_workers, self._start_s, is_up=bool(observation.members)
        )
        clock = self._clocked.see(observation, power, self._beside(observation))
        stuck = self._stuck.see(clock.due)
        ages_s = self._age.see(clock.due)
        waits_s = self._waiting_age.see(what_waits(observation, clock.due, self._gathering_topics))
        self._service.see(
            clock.due,
            self._served,
            stuck=len(stuck),
            in_flight=self._arrivals.of(self._always) * self._batching_s(workers),
        )
        if work is not None:
            self._service.hear(work)
        topics = topic_lags(self._topics, observation, clock.due, ages_s, waits_s)
        # Counted once, not for each lane: there may be as many lanes as topics.
        partitions = Counter(topic for topic, _ in observation.partitions)
        lanes = {
            name: self._lane_load(
                name,
                sum(partitions[each] for each in lane),
                [topics[each] for each in lane],
                clock,
            )
            for name, lane in self._lanes.items()
        }
        decision = self._decide(observation, clock, lanes, stuck, workers)
        self._start.see(observation.members, decision.workers, observation.at_s)
        self._note(observation)
        return self._report(observation, decision, lanes, topics, stuck)

    def _recall(self, observation: Observation) -> None:
        """Believe the group's commits of how it was before, once: what comes later is its own."""
        if self._remembered is None:
            found = believed(observation.remembered, self._subject, observation.wall_s)
            if found is not None:
                self._remembered = found
                self._service.remember(found.service_rate)

    def _note(self, observation: Observation) -> None:
        known = self._service.known
        if observation.members and known is not None and known.origin in _MEASURED:
            before_s = None if self._remembered is None else self._remembered.start_s
            self.measured = Remembered(
                known.rate,
                before_s if self._start.measured_s is None else self._start.measured_s,
                observation.wall_s,
                self._subject,
            )

    def _remembered_age_s(self, observation: Observation) -> float | None:
        """How old the rate is that is believed; None when it is none that is remembered."""
        known, remembered = self._service.known, self._remembered
        if known is None or known.origin is not Origin.REMEMBERED or remembered is None:
            return None
        return max(0.0, observation.wall_s - remembered.at_wall_s)

    def _batching_s(self, workers: int) -> float:
        rates = {lane: self._arrivals.rate(lane) or 0.0 for lane in self._always}
        return self._by_design.batching_s(rates, workers, self._service.rate)

    # What is decided

    def _decide(
        self,
        observation: Observation,
        clock: ClockSight,
        lanes: Mapping[str, LaneLoad],
        stuck: Mapping[Partition, Standstill],
        workers: int,
    ) -> Decision:
        """Lanes that are always open ask for workers as they are loaded, others when they open."""
        always = self._decide_always(observation, lanes, stuck, workers)
        clocked = self._window_workers.decide(
            clock.to_serve,
            self._service.rate,
            workers,
            self._beside(observation),
            within_s=clock.within_s,
        )
        most = min(self._max_workers, len(observation.partitions) or self._max_workers)
        decision = together(always, clocked, most=most)
        waiting = [each for name, each in clock.closed.items() if lanes[name].waiting_records]
        return closing(decision, waiting)

    def _beside(self, observation: Observation) -> Beside:
        """Return what arrives beside lanes that open by the clock; nothing while no rate is known."""
        if not (rate := self._service.rate):
            return NOTHING
        topics = {topic for each in self._always.values() for topic in each}
        arriving = self._arrivals.of(self._always)
        partitions = sum(topic in topics for topic, _ in observation.partitions)
        return Beside(arriving / rate / self._scaling.utilisation, partitions)

    def _decide_always(
        self,
        observation: Observation,
        lanes: Mapping[str, LaneLoad],
        stuck: Mapping[Partition, Standstill],
        workers: int,
    ) -> Decision:
        always = {name: load for name, load in lanes.items() if name in self._always}
        if not always:
            return Decision(self._scaling.min_workers, 0, "nothing waits", "")
        due = self._gathering.see(self._sights(observation, always), observation.at_s)
        load = self._load(observation, always, stuck, workers, due)
        return self._policy.decide(load, observation.at_s)

    def _load(
        self,
        observation: Observation,
        lanes: Mapping[str, LaneLoad],
        stuck: Mapping[Partition, Standstill],
        workers: int,
        due: Due,
    ) -> GroupLoad:
        topics = {topic for name in lanes for topic in self._lanes[name]}
        lags = [
            offsets.lag for (topic, _), offsets in observation.partitions.items() if topic in topics
        ]
        standing = [each.lag for (topic, _), each in stuck.items() if topic in topics]
        return GroupLoad(
            arrival_rate=self._arrivals.of(lanes),
            lag=in_all(TopicLag(load.lag_records, None) for load in lanes.values()).records,
            lagging=sum(bool(lag) for lag in lags),
            partitions=len(lags),
            stuck=len(standing),
            service_rate=self._service.rate,
            batching_s=self._batching_s(workers),
            arrived_s=max(self._arrivals.arrived_s[name] for name in lanes),
            workers=workers,
            stuck_lag=sum(standing),
            served_rate=self._served.rate,
            waiting_s=due.waiting_s,
            spare_s=due.spare_s,
            start_s=self._start_s,
            wall_s=observation.wall_s,
        )

    def _sights(
        self, observation: Observation, lanes: Mapping[str, LaneLoad]
    ) -> Mapping[str, LaneSight]:
        overdue = {topic for topic, _ in observation.overdue}
        return {
            name: LaneSight(
                load, self._arrivals.arrived_s[name], not overdue.isdisjoint(self._lanes[name])
            )
            for name, load in lanes.items()
        }

    @property
    def _start_s(self) -> float:
        """From asking for the first worker until it is there: as measured, as remembered, as set."""
        remembered_s = None if self._remembered is None else self._remembered.start_s
        known_s = (self._start.measured_s, remembered_s)
        return next((each for each in known_s if each is not None), self._settings_start_s)

    def _report(
        self,
        observation: Observation,
        decision: Decision,
        lanes: Mapping[str, LaneLoad],
        topics: Mapping[str, TopicLag],
        stuck: Mapping[Partition, Standstill],
    ) -> ScalingReport:
        whole = in_all(topics.values())
        known, age_s = self._service.known, self._remembered_age_s(observation)
        return ScalingReport(
            at_s=observation.at_s,
            decision=_with_age(decision, age_s),
            known=whole.records is not None,
            members=observation.members,
            arrival_rate=self._arrivals.total,
            served_rate=self._served.rate,
            service_rate=None if known is None else known.rate,
            rate_origin=None if known is None else known.origin,
            rate_age_s=age_s,
            lag_records=whole.records,
            lag_seconds=whole.seconds,
            stuck=stuck,
            lanes=lanes,
            topics=topics,
        )

    def _lane_load(
        self,
        name: str,
        partitions: int,
        lags: Collection[TopicLag],
        clock: ClockSight,
    ) -> LaneLoad:
        lag, closed = in_all(lags), clock.closed.get(name)
        return LaneLoad(
            self._arrivals.rate(name),
            lag.records,
            lag.seconds,
            partitions,
            lag.waiting,
            None if closed is None else closed.until,
            lag.waiting_seconds,
            clock.ready.get(name),
        )


def _with_age(decision: Decision, age_s: float | None) -> Decision:
    if age_s is None or not decision.wanted:
        return decision
    said = f"{decision.reason}; what a worker serves is remembered from {age_s / 3600:.1f} h ago"
    return decision._replace(reason=said)
