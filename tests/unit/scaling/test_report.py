"""A report as the JSON of GET /scale."""

import json

from daemon.scaling.observation import Offsets
from daemon.scaling.report import as_json
from daemon.scaling.scaler import Scaler
from tests.unit.scaling.sights import settings, sight


def _shown(*sights, **scaling):
    scaler = Scaler(settings(scaling=scaling), 10)
    return as_json([scaler.take(each, 1) for each in sights][-1])


def test_the_number_comes_first_and_everything_is_json():
    document = _shown(sight(0, (10, 5)), sight(10, (30, 5)), service_rate=100.0)

    assert next(iter(document)) == "workers"
    assert json.loads(json.dumps(document)) == {
        "workers": 1,
        "wanted": 1,
        "reason": document["reason"],
        "held": "",
        "known": True,
        "members": 1,
        "arrival_rate": 2.0,
        "served_rate": 0.0,
        "service_rate": 100.0,
        "service_rate_from": "set",
        "service_rate_age_s": None,
        "lag_records": 25,
        "lag_seconds": 10.0,
        "lanes": {
            "standard": {
                "arrival_rate": 2.0,
                "lag_records": 25,
                "lag_seconds": 10.0,
                "partitions": 1,
                "waiting_records": 0,
                "waiting_seconds": 0.0,
                "closed_until": None,
                "ready_by_slack_s": None,
            }
        },
        "stuck": [],
    }


def test_what_is_unknown_is_null():
    document = _shown(sight(0, Offsets(0, 10, None), members=None))

    assert not document["known"]
    assert [document[name] for name in ("members", "lag_records", "lag_seconds")] == [None] * 3


def test_stuck_partitions_are_named():
    document = _shown(*[sight(float(at_s), (10, 5)) for at_s in range(0, 300, 10)])

    assert document["stuck"] == [
        {"topic": "requests", "partition": 0, "lag_records": 5, "seconds": 290.0}
    ]
