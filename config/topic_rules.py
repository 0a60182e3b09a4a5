"""What must hold between topics, so that nothing the daemon writes can come back as a request.

Each rule yields one line per breach: both settings, the consequence, the remedy.
"""

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from config.settings import Settings

_INTERNAL = "__"
"""How the names of Kafka's own topics begin."""


def items_are_named_once(settings: Settings) -> Iterator[str]:
    """A name that stands twice was meant to be another."""
    for name, lane in settings.lanes.items():
        for setting, items in {"topics": lane.topics, "models": lane.models}.items():
            for item in [item for item, count in Counter(items).items() if count > 1]:
                yield f'lanes.{name}.{setting} names "{item}" more than once; remove the others'


def topics_have_one_lane(settings: Settings) -> Iterator[str]:
    """The topic says which lane a request takes."""
    lanes = defaultdict(list)
    for name, lane in settings.lanes.items():
        for topic in dict.fromkeys(lane.topics):
            lanes[topic].append(f"lanes.{name}.topics")
    for topic, names in lanes.items():
        if len(names) > 1:
            yield f'topic "{topic}" is in {" and ".join(names)}; leave it in one of them'


def topics_are_not_internal(settings: Settings) -> Iterator[str]:
    """Kafka's own topics hold neither requests nor replies."""
    named = {setting: topic for topic, setting in _inputs(settings).items()}
    named["replies.topic"] = settings.replies.topic
    named["dead_letters.topic"] = settings.dead_letters.topic
    named |= _said_of_jobs(settings)
    for setting, topic in named.items():
        if topic.startswith(_INTERNAL):
            yield f'{setting} names "{topic}", which is Kafka\'s own ("{_INTERNAL}"); name another'


def replies_are_no_input(settings: Settings) -> Iterator[str]:
    """A reply that is read as a request is answered again, for ever."""
    setting = _inputs(settings).get(settings.replies.topic)
    if setting:
        yield (
            f'replies.topic is "{settings.replies.topic}", which is also in {setting}: replies'
            " would be answered for ever; give replies a topic of their own, and where the requests"
            " of one lane are the results of another say so with lanes.NAME.then"
        )


def dead_letters_are_no_input(settings: Settings) -> Iterator[str]:
    """A dead letter that is read as a request dies again, for ever."""
    setting = _inputs(settings).get(settings.dead_letters.topic)
    if setting:
        yield (
            f'dead_letters.topic is "{settings.dead_letters.topic}", which is also in {setting}:'
            " dead letters would be read for ever; give them a topic of their own"
        )


def dead_letters_are_no_replies(settings: Settings) -> Iterator[str]:
    """Whoever waits for replies cannot read dead letters."""
    if settings.dead_letters.topic == settings.replies.topic:
        yield (
            f'dead_letters.topic and replies.topic are both "{settings.replies.topic}": requesters'
            " would read dead letters as replies; give dead letters a topic of their own"
        )


def jobs_have_topics_of_their_own(settings: Settings) -> Iterator[str]:
    """What is said of jobs is neither a request nor anybody's reply."""
    taken = {
        **_inputs(settings),
        settings.replies.topic: "replies.topic",
        settings.dead_letters.topic: "dead_letters.topic",
    }
    for setting, topic in _said_of_jobs(settings).items():
        if topic in taken:
            yield (
                f'{setting} is "{topic}", which is also in {taken[topic]}: its readers would take what is'
                " said of jobs for their own; give jobs a topic of their own"
            )
        taken[topic] = setting


def allowed_replies_are_harmless(settings: Settings) -> Iterator[str]:
    """A request names where the daemon writes, with the daemon's rights."""
    forbidden = {
        **_inputs(settings),
        settings.dead_letters.topic: "dead_letters.topic",
        # A reply has its request's key, by which it would take the place of a job's last word.
        **{topic: setting for setting, topic in _said_of_jobs(settings).items()},
    }
    for entry in settings.replies.allow:
        for topic, setting in forbidden.items():
            if _covers(entry, topic):
                yield (
                    f'replies.allow has "{entry}", which lets a request send its reply to'
                    f' "{topic}" of {setting}; write a longer beginning, or exact names'
                )
        if _covers(entry, _INTERNAL) or entry.startswith(_INTERNAL):
            yield (
                f'replies.allow has "{entry}", which lets a request write to Kafka\'s own topics'
                f' ("{_INTERNAL}"); write a longer beginning, or exact names'
            )


def lanes_go_on_to_lanes(settings: Settings) -> Iterator[str]:
    """A lane goes on to one that is there."""
    for name, lane in settings.lanes.items():
        if lane.then is not None and lane.then not in settings.lanes:
            close = difflib.get_close_matches(lane.then, settings.lanes, n=1)
            remedy = f"did you mean {close[0]}?" if close else f"add a table [lanes.{lane.then}]"
            yield f'lanes.{name}.then names "{lane.then}", and there is no such lane; {remedy}'


def rows_of_lanes_end(settings: Settings) -> Iterator[str]:
    """What goes round would be answered for ever, and nobody would hear of it."""
    for name in settings.lanes:
        row = [name]
        while (then := _then(settings, row[-1])) is not None and then not in row:
            row.append(then)
        if then == name and name == min(row):  # once for each circle
            circle = " -> ".join([*row, then])
            yield (
                f'lanes.{row[-1]}.then is "{then}", which closes a circle ({circle}): results would be'
                " requests for ever; let the last lane have no then"
            )


def _then(settings: Settings, lane: str) -> str | None:
    return settings.lanes[lane].then if lane in settings.lanes else None


def _inputs(settings: Settings) -> Mapping[str, str]:
    """Return the request topics, each with the setting that names it."""
    return {
        topic: f"lanes.{name}.topics"
        for name, lane in settings.lanes.items()
        for topic in lane.topics
    }


def _said_of_jobs(settings: Settings) -> Mapping[str, str]:
    """Return the topics on which others hear of jobs, by the settings that name them."""
    jobs = settings.jobs
    named = {"jobs.topic": jobs.topic, "jobs.openlineage_topic": jobs.openlineage_topic}
    return {setting: topic for setting, topic in named.items() if topic is not None}


def _covers(entry: str, topic: str) -> bool:
    return topic.startswith(entry[:-1]) if entry.endswith("*") else topic == entry


RULES = (
    items_are_named_once,
    topics_have_one_lane,
    topics_are_not_internal,
    replies_are_no_input,
    dead_letters_are_no_input,
    dead_letters_are_no_replies,
    jobs_have_topics_of_their_own,
    allowed_replies_are_harmless,
    lanes_go_on_to_lanes,
    rows_of_lanes_end,
)
