import pytest

from daemon.process.announcer import Announcer, WorkerStanding, longest_end_s
from daemon.process.notify import Notifier
from daemon.telemetry import logs
from tests.service_manager import ServiceManager
from tests.unit.config.sample import settings

STARTING = (False, "the models are not warm yet")
SERVING = (True, "the models are warm")
NO_BROKER = (False, "no broker answers")
MOVES = (True, "")
END_S = 85.0


@pytest.fixture
def manager():
    with ServiceManager() as listening:
        yield listening


@pytest.fixture
def announcer(manager):
    return Announcer(Notifier(manager.name), end_s=END_S, look_s=1.0, now=0.0)


def standing(ready=SERVING, live=MOVES, lag=0, answered=0, held=0):
    return WorkerStanding(ready, live, lag, answered, held)


def look(announcer, now, **changes):
    announcer.look(standing(**changes), now)


def serve(announcer, manager, now=0.0):
    look(announcer, now)
    manager.hear()


def kinds(messages):
    return [message.partition("=")[0] for message in messages]


def statuses(messages):
    return [message.partition("=")[2] for message in messages if message.startswith("STATUS=")]


def unready(messages):
    said = [each for message in messages for each in message.splitlines()]
    return [each.partition("=")[2] for each in said if each.startswith("X_UNREADY=")]


def test_it_is_not_ready_while_it_starts(announcer, manager):
    look(announcer, 0.0, ready=STARTING)

    assert "READY=1" not in manager.hear()


def test_ready_is_said_once(announcer, manager):
    look(announcer, 0.0, ready=STARTING)
    look(announcer, 1.0)
    look(announcer, 2.0)
    look(announcer, 3.0, ready=NO_BROKER)
    look(announcer, 4.0)

    assert manager.hear().count("READY=1") == 1


def test_who_was_ready_says_why_it_is_not_and_when_it_is_again(announcer, manager):
    serve(announcer, manager)

    look(announcer, 1.0, ready=NO_BROKER)
    look(announcer, 2.0, ready=NO_BROKER)
    assert unready(manager.hear()) == ["no broker answers"]

    look(announcer, 3.0)
    look(announcer, 4.0)
    assert unready(manager.hear()) == [""]


def test_who_was_never_ready_is_not_said_to_be_unready(announcer, manager):
    look(announcer, 0.0, ready=STARTING)
    look(announcer, 1.0)

    assert unready(manager.hear()) == []


def test_unready_is_said_until_the_manager_took_it(announcer, manager):
    serve(announcer, manager)
    while Notifier(manager.name).feed():  # until its queue is full
        pass
    look(announcer, 1.0, ready=NO_BROKER)
    assert unready(manager.hear()) == []

    look(announcer, 2.0, ready=NO_BROKER)
    assert unready(manager.hear()) == ["no broker answers"]


def test_ready_is_said_until_the_manager_took_it(announcer, manager):
    while Notifier(manager.name).feed():  # until its queue is full
        pass

    look(announcer, 1.0)
    assert "READY=1" not in manager.hear()

    look(announcer, 2.0)
    assert "READY=1" in manager.hear()


@pytest.mark.parametrize("ready", [STARTING, SERVING, NO_BROKER])
def test_a_worker_that_moves_is_fed_whether_a_broker_answers_or_not(announcer, manager, ready):
    for now in (0.0, 1.0, 2.0):
        look(announcer, now, ready=ready)

    assert manager.hear().count("WATCHDOG=1") == 3


def test_a_worker_that_stands_still_is_not_fed(announcer, manager):
    serve(announcer, manager)

    look(announcer, 1.0, live=(False, "1 requests are held"))

    heard = manager.hear()
    assert "WATCHDOG=1" not in heard
    assert statuses(heard)[0].startswith("stalled: 1 requests are held")


def test_a_start_is_prolonged_at_each_look_until_it_is_over(announcer, manager):
    look(announcer, 0.0, ready=STARTING)
    look(announcer, 1.0, ready=STARTING)
    assert manager.hear().count("EXTEND_TIMEOUT_USEC=30000000") == 2

    look(announcer, 2.0)
    assert "EXTEND_TIMEOUT_USEC" not in kinds(manager.hear())


def test_a_start_is_not_prolonged_for_ever(announcer, manager):
    look(announcer, 890.0, ready=STARTING)
    assert "EXTEND_TIMEOUT_USEC=10000000" in manager.hear()

    look(announcer, 900.0, ready=STARTING)
    assert "EXTEND_TIMEOUT_USEC" not in kinds(manager.hear())


def test_the_status_of_a_start_is_why_it_is_not_ready(announcer, manager):
    look(announcer, 0.0, ready=STARTING)

    assert statuses(manager.hear()) == ["the models are not warm yet"]


def test_the_status_shows_lag_rate_and_what_is_in_flight(announcer, manager):
    look(announcer, 0.0, answered=100)
    manager.hear()

    look(announcer, 5.0, lag=7, answered=350, held=12)

    assert statuses(manager.hear()) == ["serving (lag 7, 50.0 requests/s, 12 in flight)"]


def test_figures_are_told_every_few_seconds(announcer, manager):
    for now in range(11):
        look(announcer, float(now), lag=now)
        manager.hear()

    assert [text.partition(",")[0] for text in statuses(manager.messages)] == [
        "serving (lag 0",
        "serving (lag 5",
        "serving (lag 10",
    ]


def test_a_status_that_has_not_changed_is_not_told_again(announcer, manager):
    for now in range(60):
        look(announcer, float(now))
        manager.hear()

    assert len(statuses(manager.messages)) == 1


def test_a_broker_that_goes_away_is_told_at_once(announcer, manager):
    serve(announcer, manager)

    look(announcer, 1.0, ready=NO_BROKER)

    assert statuses(manager.hear())[0].startswith("no broker answers (lag 0")


def test_a_drain_is_told_with_the_time_it_may_take(announcer, manager):
    serve(announcer, manager)

    announcer.stopping()
    assert manager.hear() == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=85000000"]

    look(announcer, 1.0, held=3)
    heard = manager.hear()
    assert "EXTEND_TIMEOUT_USEC" not in kinds(heard)
    assert statuses(heard)[0].startswith("draining (lag 0")


def test_a_drain_in_mid_start_is_not_prolonged_as_a_start(announcer, manager):
    look(announcer, 0.0, ready=STARTING)
    announcer.stopping()
    manager.hear()

    look(announcer, 1.0, ready=STARTING)

    assert "EXTEND_TIMEOUT_USEC" not in kinds(manager.hear())


def test_a_reload_stands_between_reloading_and_ready(announcer, manager):
    serve(announcer, manager)

    announcer.reloading(5.0)
    look(announcer, 5.5)
    announcer.reloaded()
    look(announcer, 6.5)

    heard = kinds(manager.hear())
    assert heard[0] == "RELOADING"
    assert heard.count("EXTEND_TIMEOUT_USEC") == 1
    assert heard.index("READY") > heard.index("EXTEND_TIMEOUT_USEC")


def test_a_reload_of_a_worker_that_still_starts_is_not_told(announcer, manager):
    look(announcer, 0.0, ready=STARTING)
    manager.hear()

    announcer.reloading(0.5)
    announcer.reloaded()

    assert manager.hear() == []


def test_a_reload_that_ends_in_the_drain_says_nothing_more(announcer, manager):
    serve(announcer, manager)
    announcer.reloading(1.0)
    announcer.stopping()
    manager.hear()

    announcer.reloaded()

    assert manager.hear() == []


@pytest.mark.parametrize(("watchdog_s", "warned"), [(1.9, 1), (2.0, 0), (None, 0)])
def test_a_watchdog_too_quick_for_it_is_in_the_log(monkeypatch, watchdog_s, warned):
    monkeypatch.setattr(logs, "_journal", logs._Journal(lambda: 0.0))

    Announcer(Notifier("", watchdog_s=watchdog_s), end_s=END_S, look_s=1.0, now=0.0)

    assert logs.counts().get("watchdog.mismatched", 0) == warned


def test_an_end_may_take_the_drain_a_commit_and_leaving():
    slow = settings({"limits.drain": "10min", "kafka.session_timeout": "45s"})

    assert longest_end_s(slow) == 600 + 45 + 15
