"""JSON records of a lane by columns, admitted as runs: one for neighbours whose bodies are of one frame. Pure.

Nothing here decides anything of its own: where one body is not like another before it or not right, or headers
are not plain (raw_lane.py says what that is), all are left to the examiner, which would treat those taken here
the same (a test compares the two).
"""

from collections.abc import Sequence

from daemon.admission.examination import Moment
from daemon.admission.header_columns import HeaderColumns
from daemon.admission.json_bodies import JsonBodies
from daemon.admission.model_rules import ModelRules
from daemon.values.errors import RequestRefused
from daemon.values.ledger import Ledger
from daemon.values.messages import Form
from daemon.values.record_columns import RecordColumns
from daemon.values.request_run import LEAST_ALIKE, RequestRun
from daemon.wire.json_frames import Frame


class JsonColumns:
    """Admits records of a lane whose bodies are JSON of one row each, for its first model."""

    def __init__(
        self,
        lane: str,
        model: ModelRules,
        bodies: JsonBodies,
        headers: HeaderColumns,
        most_bytes: int,
    ) -> None:
        """`bodies`: those that the examiner learns from; `most_bytes`: those of the largest body."""
        self._lane = lane
        self._model = model
        self._bodies = bodies
        self._headers = headers
        self._most_bytes = most_bytes

    def runs(
        self, records: RecordColumns, ledger: Ledger, moment: Moment
    ) -> list[RequestRun] | None:
        """Return the requests that `records` are, checked, in their order; None: not all are alike."""
        if not self._bodies.knows(records.values[0]):
            return None
        runs: list[RequestRun] = []
        taken = 0
        for frame, places, texts in self._bodies.alike(enumerate(records.values.apart())):
            first, count = places[0], len(places)
            is_next = first == taken and places[-1] == first + count - 1
            if not is_next or count < LEAST_ALIKE or frame.rows != 1:
                return None
            taken += count
            run = self._run(frame, texts, records[first:taken], ledger, moment)
            if run is None:
                return None
            runs.append(run)
        return runs if taken == len(records) else None

    def _run(
        self,
        frame: Frame,
        texts: Sequence[list[bytes]],
        records: RecordColumns,
        ledger: Ledger,
        moment: Moment,
    ) -> RequestRun | None:
        asked = self._headers.asked(records, moment)
        if asked is None or records.values.lengths.max() > self._most_bytes:
            return None
        try:
            joined = self._model.read_joined(frame, texts)
        except RequestRefused:
            return None
        inputs = {name: array[:, 0] for name, array in joined.arrays.items()}  # its one row
        columns = asked.columns(
            records,
            inputs,
            decoded_bytes=sum([array.nbytes for array in inputs.values()]) // len(records),
            envelopes=joined.envelopes,
        )
        bucket = self._model.bucket(self._lane, inputs)
        return RequestRun(ledger, bucket, moment.now_s, asked.addresses, columns, Form.JSON)
