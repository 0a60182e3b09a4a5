from daemon.process.watchdog import Beats, Watchdog


def test_ticks_without_a_beat_add_up():
    beats = Beats()

    assert [beats.tick() for _ in range(3)] == [1, 2, 3]


def test_a_beat_starts_the_count_anew():
    beats = Beats()
    beats.tick()
    beats.beat()

    assert [beats.tick(), beats.tick()] == [0, 1]


def test_a_watchdog_that_nobody_beats_ends_the_process():
    ended = []
    watchdog = Watchdog(0.02, end=lambda: ended.append(True))

    watchdog.start()
    watchdog._thread.join(30)  # it returns by itself once it has acted

    assert ended == [True]


def test_a_stopped_watchdog_lets_the_process_be():
    ended = []
    watchdog = Watchdog(3_600.0, end=lambda: ended.append(True))
    watchdog.start()

    watchdog.stop()

    assert not watchdog._thread.is_alive()
    assert ended == []
