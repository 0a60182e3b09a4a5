"""Which model serves, whatever the order in which a reload and a rebuild begin and end."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from config.settings import Settings
from daemon.telemetry.events import Event
from daemon.values.errors import Exit, Fatal
from runtime import ModelRefused
from tests.signatures import one_to_one
from tests.unit.inference.warm_models import NAME, Files, settings


@pytest.fixture
def files(monkeypatch):
    return Files(monkeypatch)


def swap(models, fresh):
    """As the line does it: what is replaced is closed."""
    for replaced in models.swap(fresh):
        replaced.close()


def test_what_serves_cannot_be_assigned_from_outside(files):
    models = files.models()

    with pytest.raises(TypeError):
        models.serving[NAME] = files.made[0]


def test_a_swap_is_seen_by_who_looked_before(files):
    models = files.models()
    seen = models.serving

    swap(models, models.prepare(settings(2)))

    assert seen[NAME] is files.made[1]
    assert [each.closed for each in files.made] == [1, 0]


def test_what_is_prepared_does_not_serve_yet(files):
    models = files.models()

    models.prepare(settings(2))

    assert models.serving[NAME] is files.made[0]


def test_a_sick_model_is_made_anew_and_closed(files):
    models = files.models()

    rebuilt = models.rebuild(NAME, files.made[0], "sick")

    assert models.serving[NAME] is rebuilt is files.made[1]
    assert [each.closed for each in files.made] == [1, 0]


def test_a_sick_model_is_closed_before_another_is_made(files):
    models = files.models()
    files.most_open = 1

    rebuilt = models.rebuild(NAME, files.made[0], "sick")

    assert models.serving[NAME] is rebuilt is files.made[1]


def test_a_sick_model_whose_place_a_reload_took_is_closed_once(files):
    models = files.models()
    end = rebuilding(models, files)
    swap(models, models.prepare(settings(2)))
    end()

    assert [each.closed for each in files.made] == [1, 0, 1]


def test_what_a_reload_replaces_is_closed_first_where_there_is_no_memory_for_both(
    files, monkeypatch
):
    models, told = files.models(), []
    monkeypatch.setattr("daemon.inference.models.log", lambda event, **_: told.append(event))
    files.most_open = 1

    fresh = models.prepare(settings(2))
    replaced = models.swap(fresh)

    assert models.serving[NAME] is files.made[1]
    assert ([each.closed for each in files.made], list(replaced)) == ([1, 0], [])
    assert told == [Event.MODEL_UNLOADED, Event.MODEL_LOADED, Event.MODEL_RELOADED]


def test_what_was_built_anew_since_such_a_reload_is_not_replaced_by_what_it_loaded(files):
    models = files.models()
    files.most_open = 1

    fresh = models.prepare(settings(2))
    rebuilt = models.rebuild(NAME, models.serving[NAME], "sick")
    replaced = models.swap(fresh)

    assert models.serving[NAME] is rebuilt
    assert ([each.closed for each in files.made], list(replaced)) == ([1, 1, 0], [])


def test_a_rebuild_after_such_a_reload_is_made_by_the_new_settings(files, monkeypatch):
    paths = []
    load = files._load
    monkeypatch.setattr(
        "daemon.inference.models.load_model",
        lambda chosen, **options: (paths.append(str(chosen.path)), load(chosen, **options))[1],
    )
    models = files.models()
    files.most_open = 1

    models.prepare(settings(2))  # and no swap yet
    models.rebuild(NAME, models.serving[NAME], "sick")

    assert paths[-1] == "2.onnx"


def test_what_such_a_reload_cannot_replace_is_loaded_again(files):
    models = files.models()
    files.most_open = 1
    signatures = iter([one_to_one("FP32", (2,)), files.signature])
    files.before_load = lambda: setattr(files, "signature", next(signatures))

    with pytest.raises(ModelRefused, match="other inputs"):
        models.prepare(settings(2))

    assert models.serving[NAME] is files.made[2]
    assert [each.closed for each in files.made] == [1, 1, 0]


@pytest.mark.parametrize(("now", "told"), [(True, "only apart"), (False, "together again")])
def test_a_reload_does_not_change_whether_rows_run_together(files, now, told):
    files.signature = replace(files.signature, alone=not now)
    models = files.models()
    files.signature = replace(files.signature, alone=now)

    with pytest.raises(ModelRefused, match=f"run rows {told}.*; restart the worker"):
        models.prepare(settings(2))


def test_a_model_that_cannot_be_loaded_again_ends_the_process(files):
    models = files.models()
    files.most_open, files.digest = 1, "B"
    files.signature = one_to_one("FP32", (2,))

    with pytest.raises(Fatal, match="cannot be loaded again") as fatal:
        models.prepare(settings(2))

    assert fatal.value.exit_code is Exit.MODEL_REFUSED


def test_who_meets_a_model_unloaded_for_a_reload_waits_for_the_new_one(files):
    models = files.models()
    files.most_open, old = 1, files.made[0]
    loads, may_end = threading.Event(), threading.Event()
    files.before_load = lambda: (loads.set(), may_end.wait(10))

    with ThreadPoolExecutor(2) as pool:
        reload = pool.submit(models.prepare, settings(2))
        assert loads.wait(10)
        rebuild = pool.submit(models.rebuild, NAME, old, "the session is closed")
        may_end.set()
        fresh, given = reload.result(10), rebuild.result(10)

    assert given is models.serving[NAME] is fresh.models[NAME].model
    assert [each.closed for each in files.made] == [1, 0]


def test_what_was_replaced_before_is_not_made_anew(files):
    models = files.models()
    swap(models, models.prepare(settings(2)))

    serving = models.rebuild(NAME, files.made[0], "sick")

    assert serving is models.serving[NAME] is files.made[1]
    assert [each.closed for each in files.made] == [1, 0]


def rebuilding(models, files):
    """A rebuild of what serves whose load is under way, and how it ends."""
    load = files.hold_next()
    pool = ThreadPoolExecutor(1)
    future = pool.submit(models.rebuild, NAME, models.serving[NAME], "sick")
    pool.shutdown(wait=False)
    assert load.begun.wait(10)

    def end():
        load.end()
        return future.result(10)

    return end


def test_a_rebuild_that_ends_after_a_swap_loses(files):
    models = files.models()
    end = rebuilding(models, files)

    swap(models, models.prepare(settings(2)))
    swapped_in = models.serving[NAME]
    serving = end()

    assert serving is models.serving[NAME] is swapped_in
    assert files.closes(models.serving).serving == [0]
    assert files.closes(models.serving).others == [1, 1]


def test_a_rebuild_that_is_refused_after_a_swap_gives_what_serves(files):
    models = files.models()
    files.digest = "B"  # the file of the sick one is gone
    end = rebuilding(models, files)

    swap(models, models.prepare(settings(2)))
    serving = end()

    assert serving is models.serving[NAME]
    assert serving.session.digest == "B"


def test_a_rebuild_that_is_refused_leaves_the_sick_one_and_says_so(files):
    models = files.models()
    files.digest = "B"

    with pytest.raises(ModelRefused):
        models.rebuild(NAME, files.made[0], "sick")

    assert models.serving[NAME] is files.made[0]


def test_a_rebuild_is_made_by_the_settings_of_what_serves(files, monkeypatch):
    paths = []
    load = files._load
    monkeypatch.setattr(
        "daemon.inference.models.load_model",
        lambda chosen, **options: (paths.append(str(chosen.path)), load(chosen, **options))[1],
    )
    models = files.models()

    fresh = models.prepare(settings(2))
    models.rebuild(NAME, models.serving[NAME], "sick")
    swap(models, fresh)
    models.rebuild(NAME, models.serving[NAME], "sick")

    assert paths == ["1.onnx", "2.onnx", "1.onnx", "2.onnx"]


@pytest.mark.parametrize("refusal", ["refused", "signature", "transform", "warm-up"])
def test_what_cannot_serve_is_closed_and_changes_nothing(files, refusal, monkeypatch):
    models = files.models()
    times = models.run_times.expected_s(NAME, 1)
    files.refused = refusal == "refused"
    if refusal == "signature":
        files.signature = one_to_one("FP32", (2,))
    if refusal == "transform":
        files.transform = object()
    if refusal == "warm-up":
        monkeypatch.setattr("daemon.inference.models.warm_up", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError if refusal == "warm-up" else ModelRefused):
        models.prepare(settings(2))

    assert models.serving[NAME] is files.made[0]
    assert files.closes(models.serving).others == [1] * (len(files.made) - 1)
    assert models.run_times.expected_s(NAME, 1) == times


def test_a_model_that_the_settings_lack_is_refused(files):
    models = files.models()
    others = settings(2).model_dump()
    others["models"]["other"] = others["models"].pop(NAME)
    others["lanes"]["l"]["models"] = ["other"]

    with pytest.raises(ModelRefused, match="gone from the settings"):
        models.prepare(Settings(**others))


def test_a_start_without_its_model_ends_the_process(files):
    files.refused = True

    with pytest.raises(Fatal, match="model m: another file") as fatal:
        files.models()

    assert fatal.value.exit_code is Exit.MODEL_REFUSED


def test_warm_up_teaches_how_long_runs_take_once_its_model_serves(files, monkeypatch):
    models = files.models()
    times_s = [models.run_times.expected_s(NAME, 2)]
    seconds = iter(range(0, 10_000, 7))
    monkeypatch.setattr("daemon.inference.warm_up.monotonic", lambda: next(seconds))

    fresh = models.prepare(settings(2))
    times_s.append(models.run_times.expected_s(NAME, 2))
    swap(models, fresh)
    times_s.append(models.run_times.expected_s(NAME, 2))

    assert times_s[0] == times_s[1] < 1
    assert times_s[2] == pytest.approx(7), "what the other model took counts no more"


class Changes(RuleBasedStateMachine):
    """Reloads, one at a time, and rebuilds in one thread, begun and ended in any order."""

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.files = Files(self.patch)
        self.models = self.files.models()
        self.pool = ThreadPoolExecutor(2)
        self.reload = self.fresh = self.rebuild = None
        self.asked = None
        self.sick = set()
        self.latest = self.models.serving[NAME].session.digest

    def teardown(self):
        for under_way in (self.reload, self.rebuild):
            if under_way is not None:
                under_way[0].end()
        self.pool.shutdown()
        self.patch.undo()

    def _begin(self, work, *arguments):
        load = self.files.hold_next()
        future = self.pool.submit(work, *arguments)
        while not load.begun.wait(0.001):
            if future.done():  # it needs no load
                self.files._next = None
                break
        return load, future

    @staticmethod
    def _end(under_way):
        load, future = under_way
        load.end()
        return future.result(10)

    @rule()
    def the_file_changes(self):
        self.files.digest += "'"

    @precondition(lambda self: self.reload is None and self.fresh is None)
    @rule()
    def a_reload_begins(self):
        self.reload = self._begin(self.models.prepare, settings(2))

    @precondition(lambda self: self.reload is not None)
    @rule()
    def a_reload_is_loaded(self):
        self.fresh, self.reload = self._end(self.reload), None

    @precondition(lambda self: self.fresh is not None)
    @rule()
    def it_is_swapped_in(self):
        swap(self.models, self.fresh)
        self.latest = self.fresh.models[NAME].model.session.digest
        self.fresh = None

    @precondition(lambda self: self.rebuild is None)
    @rule()
    def a_rebuild_begins(self):
        self.asked = self.models.serving[NAME]
        self.sick.add(self.asked)
        self.rebuild = self._begin(self.models.rebuild, NAME, self.asked, "sick")

    @precondition(lambda self: self.rebuild is not None)
    @rule()
    def a_rebuild_ends(self):
        before = self.models.serving[NAME]
        try:
            given = self._end(self.rebuild)
        except ModelRefused:
            assert before is self.asked
            assert self.files.digest != self.asked.session.digest
        else:
            assert given is self.models.serving[NAME]
            assert given is not self.asked
        self.rebuild = None

    @invariant()
    def the_digest_told_last_is_the_one_that_serves(self):
        assert self.models.serving[NAME].session.digest == self.latest

    @invariant()
    def each_model_is_closed_once_and_what_serves_is_open_unless_it_is_sick(self):
        fresh = () if self.fresh is None else [warm.model for warm in self.fresh.models.values()]
        for model in self.files.made:
            needed = model is self.models.serving[NAME] or model in fresh
            assert model.closed == (0 if needed and model not in self.sick else 1)


Changes.TestCase.settings = hypothesis_settings(max_examples=60, stateful_step_count=25)
TestChanges = Changes.TestCase


def test_two_writers_at_the_same_moment_leave_one_model(files):
    for _ in range(200):
        files.made.clear()
        models = files.models()
        sick, fresh = models.serving[NAME], models.prepare(settings(2))
        at_once = threading.Barrier(2)
        with ThreadPoolExecutor(1) as pool:
            rebuilt = pool.submit(
                lambda at_once=at_once, models=models, sick=sick: (
                    at_once.wait(),
                    models.rebuild(NAME, sick, "sick"),
                )
            )
            at_once.wait()
            swap(models, fresh)
            rebuilt.result(10)

        assert models.serving[NAME] is fresh.models[NAME].model
        closes = files.closes(models.serving)
        assert (closes.serving, set(closes.others)) == ([0], {1})
