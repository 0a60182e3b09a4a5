"""The JSON bodies of one model, of many records at once where they are alike.

Nothing here decides anything of its own: what is not alike, or not right, goes to the form's reader, body
by body, which would treat all of them the same (a test compares the two).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from daemon.admission.model_rules import ModelRules
from daemon.values.errors import RequestRefused
from daemon.wire.forms import Decoded
from daemon.wire.json_frames import Frame, joinable

_MOST_FRAMES = 16
"""Of one model: clients that write JSON in ways of their own, times the rows they send at once."""
_LONGEST_PAUSE = 1_024
"""Lessons left out for one that was of use to nobody: it takes as long as five bodies read alone."""


class JsonBodies:
    """Reads the bodies for a model by the frames of those that it saw."""

    def __init__(self, model: ModelRules) -> None:
        self._model = model
        self._frames: list[Frame] = []
        self._newest: Frame | None = None
        self._pause = 0
        self._left_out = 0

    def learn(self, body: bytes) -> None:
        """Remember the frame of a body that the model accepts, and forget the one used least lately.

        Ever fewer lessons are taken while none was of use: where all bodies differ in more than numbers.
        """
        if self._left_out < self._pause:
            self._left_out += 1
            return
        self._pause, self._left_out = min(2 * self._pause + 1, _LONGEST_PAUSE), 0
        frame = self._newest = self._model.frame(body)
        if frame is not None:
            self._frames = [frame, *self._frames[: _MOST_FRAMES - 1]]

    def read(self, bodies: Mapping[int, bytes]) -> dict[int, Decoded]:
        """Return what bodies hold, by their places; without those that are to be read one by one."""
        decoded: dict[int, Decoded] = {}
        for frame, places, texts in self.alike(bodies.items()):
            self._read(frame, places, texts, decoded)
        return decoded

    def knows(self, body: bytes) -> bool:
        """Whether it is of a frame that was learnt."""
        return self._texts(body) is not None

    def alike(
        self, bodies: Iterable[tuple[int, bytes]]
    ) -> Iterator[tuple[Frame, list[int], list[list[bytes]]]]:
        """Yield the frames of bodies, the places of its own and their texts, as many as may be read at once."""
        alike: dict[Frame, tuple[list[int], list[list[bytes]]]] = {}
        for place, body in bodies:
            found = self._texts(body)
            if found is not None:
                frame, texts = found
                places, all_texts = alike.setdefault(frame, ([], []))
                places.append(place)
                all_texts.append(texts)
        for frame, (places, all_texts) in alike.items():
            for part in joinable(all_texts):
                yield frame, places[part], all_texts[part]

    def _texts(self, body: bytes) -> tuple[Frame, list[bytes]] | None:
        for number, frame in enumerate(self._frames):
            texts = frame.texts(body)
            if texts is not None:
                if frame is self._newest:
                    self._pause = 0
                if number:
                    self._frames.insert(0, self._frames.pop(number))
                return frame, texts
        return None

    def _read(
        self,
        frame: Frame,
        places: Sequence[int],
        texts: Sequence[list[bytes]],
        decoded: dict[int, Decoded],
    ) -> None:
        """Add what is right; of what is not, each half again, so that one bad body costs little."""
        try:
            found = self._model.read(frame, texts)
        except RequestRefused:
            if len(texts) > 1:
                half = len(texts) // 2
                self._read(frame, places[:half], texts[:half], decoded)
                self._read(frame, places[half:], texts[half:], decoded)
            return
        decoded.update(zip(places, found, strict=True))
