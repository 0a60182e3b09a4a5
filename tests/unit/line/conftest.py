import pytest

from tests.unit.line.outbox_bench import Bench


@pytest.fixture(params=[False, True], ids=["one by one", "in runs"])
def form_of_replies(request, monkeypatch):
    """Replies come to the outbox one by one, or in runs."""
    monkeypatch.setattr(Bench, "in_runs", request.param)
