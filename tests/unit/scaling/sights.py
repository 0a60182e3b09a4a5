"""What a collector could have seen, made for tests."""

from config.settings import Settings
from daemon.scaling.observation import Observation, Offsets

TOPIC = "requests"


def offsets(end, committed, start=0):
    return Offsets(start, end, committed)


def sight(at_s, *partitions, members=1, topic=TOPIC):
    """An observation of one topic; its partitions are Offsets, or (end, committed)."""
    return Observation(
        at_s,
        {
            (topic, number): each if isinstance(each, Offsets) else offsets(*each)
            for number, each in enumerate(partitions)
        },
        members,
    )


def settings(*, lane=None, lanes=None, **sections):
    """Settings of one lane of TOPIC; `lane` are its settings, `lanes` take its place."""
    one = {"topics": [TOPIC], "models": ["m"], **(lane or {})}
    return Settings(
        kafka={"group": "g", "bootstrap_servers": "127.0.0.1:9092"},
        models=sections.pop("models", {"m": {"path": "model.onnx"}}),
        lanes=lanes or {"standard": one},
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
        **sections,
    )
