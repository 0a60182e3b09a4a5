"""The relay's model once more, asked in the JSON of the Open Inference Protocol."""

from loadtest.bench.contestants import one_lane
from loadtest.bench.figures import Section, figure
from loadtest.bench.forms import decode_json, encode_json
from loadtest.bench.ground import Ground
from loadtest.bench.run import Backlog, answer, fill
from loadtest.bench.scale import Scale
from loadtest.bench.work import work
from loadtest.deployment.perceptrons import RELAY, write
from loadtest.wire import CONTENT_TYPE

_COUNT = 300_000
_QUICK_COUNT = 50_000
# Written as text once; so many that a reply to another request shows.
_DIFFERENT_ROWS = 20_000
_ROWS = 256
_LINGER = "20ms"
_JSON = (CONTENT_TYPE, b"application/json")


async def open_inference(ground: Ground, scale: Scale) -> Section:
    """Measure the daemon on requests in JSON; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    asked = work(RELAY, model, _DIFFERENT_ROWS)
    bodies = encode_json(asked.rows)
    count = scale.pick(_COUNT, _QUICK_COUNT)
    topic = await fill(ground, "json", bodies, count, (_JSON,))
    backlog = Backlog(topic, count, asked.results, decode_json)
    daemon = one_lane(ground, model, max_rows=_ROWS, linger=_LINGER)
    runs = [
        await answer(ground, f"json: daemon {number} of {scale.repeat}", backlog, daemon)
        for number in range(1, scale.repeat + 1)
    ]
    await ground.remove(topic)
    size = sum(map(len, bodies)) / len(bodies)
    return Section(
        f"JSON: {count:,} requests of the Open Inference Protocol, {size:.0f} bytes on average",
        [
            figure("replies, daemon", "1/s", [run.per_s for run in runs]),
            figure("CPU a request, daemon", "us", [run.cpu_us for run in runs]),
        ],
        [run.account for run in runs],
    )
