"""Examples end to end: what their scripts make, served as their settings say, over a real Kafka."""

import json

import pytest

from loadtest.plan.bodies import BodyKind
from loadtest.plan.plan import of_streams, stream
from loadtest.scenario.arrival_processes import at_once
from tests.acceptance.example_runs import replies_to_load
from tests.unit.examples.made import Example

JSON = (("content-type", b"application/json"),)


def text(folder):
    ticket = (folder / "ticket.txt").read_bytes()
    both = json.dumps({"text": [ticket.decode(), "The app crashes"]}).encode()
    return [BodyKind([ticket]), BodyKind([both], JSON)]


def text_replies(one, two):
    assert one["labels"][0]["label"] == "billing"
    assert [each["labels"][0]["label"] for each in two] == ["billing", "technical"]


def image(folder):
    return [
        BodyKind([(folder / "model" / name).read_bytes() for name in ("flag.png", "evening.jpg")])
    ]


def image_replies(flag, evening):
    assert [each["label"] for each in flag["labels"]] == ["blue", "yellow"]
    assert [each["label"] for each in evening["labels"]] == ["orange", "purple"]


def tabular(folder):
    return [BodyKind([(folder / "model" / "orders.json").read_bytes()], JSON)]


def tabular_replies(orders):
    outputs = {each["name"]: each["data"] for each in orders["outputs"]}
    assert outputs["label"] == ["paid", "unpaid"]
    assert len(outputs["probabilities"]) == 4


def in_a_row(folder):
    return [BodyKind([(folder / "model" / "note.pgm").read_bytes()])]


def in_a_row_replies(note):
    assert note["text"] == "31415926"
    assert len(note["boxes"]) == 8


async def replies_to(kinds, example, kafka, topics):
    """The reply to each body, in their order."""
    first, *others = example.loaded.settings.lanes
    names = await topics(requests=2, replies=1, dead=1, **dict.fromkeys(others, 2))
    overrides = {
        "kafka.bootstrap_servers": kafka,
        "kafka.group": topics.group,
        f"lanes.{first}.topics": names.requests,
        **{f"lanes.{lane}.topics": getattr(names, lane) for lane in others},
        "replies.topic": names.replies,
        "dead_letters.topic": names.dead,
    }
    bodies = [(value, kind.headers) for kind in kinds for value in kind.values]
    load = of_streams(
        [
            stream(str(place), names.requests, at_once(1), BodyKind([value], headers))
            for place, (value, headers) in enumerate(bodies)
        ]
    )
    replies = await replies_to_load(load, example.folder / "tidemill.toml", overrides, kafka, names)
    return [replies[number] for number in range(len(bodies))]


@pytest.mark.parametrize(
    ("name", "bodies", "judge"),
    [
        ("text", text, text_replies),
        ("image", image, image_replies),
        ("tabular", tabular, tabular_replies),
        ("in-a-row", in_a_row, in_a_row_replies),
    ],
    ids=["text", "image", "tabular", "in-a-row"],
)
async def test_an_example_answers_what_its_page_shows(kafka, topics, tmp_path, name, bodies, judge):
    example = Example(name, tmp_path)

    judge(*await replies_to(bodies(example.folder), example, kafka, topics))
