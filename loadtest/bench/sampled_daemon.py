"""Runs the daemon and notes, again and again as it takes CPU time, what it is doing.

Run as a process, `python -m loadtest.bench.sampled_daemon FILE run --config ...`: what stands behind
FILE is typed to the daemon, which knows of nothing. What was seen is in FILE once it has ended;
`profile.py` reads it.

Python hands a signal over between two instructions of its main thread, so a call into C is its
caller's. The loop's calls into the kernel have no caller in Python, and whoever comes after them would
have their time: that is why the clocks tell time in the kernel apart. faulthandler, which notes a
stack at the moment itself, ended one daemon in eight by a segmentation fault (Python 3.11).
"""

import json
import opcode
import os
import resource
import runpy
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType

_INTERVAL_S = 0.001
"""Of CPU time of all threads. The kernel sees to it at its ticks, of which many have 250 a second."""
_ENTRY = opcode.opmap["RESUME"]


class Sampler:
    """All samples so far, each with the clocks by which it says how much CPU time it stands for."""

    def __init__(self) -> None:
        self._stacks: dict[tuple[CodeType, ...], int] = {}
        self._samples: list[tuple[float, float, float, float, int]] = []

    def start(self) -> None:
        """Sample from now on."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL_S, _INTERVAL_S)

    def stop(self) -> None:
        """Sample no more."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def write(self, path: Path) -> None:
        """Write what was seen, as loadtest.bench.profile.Profile has it."""
        folders = sorted(filter(None, sys.path), key=len, reverse=True)
        stacks = [[_place(code, folders) for code in stack] for stack in self._stacks]
        path.write_text(json.dumps({"stacks": stacks, "samples": self._samples}))

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        main = resource.getrusage(resource.RUSAGE_THREAD)
        clocks_s = time.monotonic(), main.ru_utime, main.ru_stime, time.process_time()
        if frame is not None and _is_just_entered(frame):
            # It has done nothing yet: the time was of whoever calls it.
            frame = frame.f_back
        stack = []
        while frame is not None:
            stack.append(frame.f_code)
            frame = frame.f_back
        number = self._stacks.setdefault(tuple(stack), len(self._stacks))
        self._samples.append((*clocks_s, number))


def _is_just_entered(frame: FrameType) -> bool:
    return frame.f_code.co_code[frame.f_lasti] == _ENTRY


def _place(code: CodeType, folders: Sequence[str]) -> str:
    """Return "file:function", the file as it is imported from one of `folders`, longest first."""
    file = code.co_filename
    inside = next((folder for folder in folders if file.startswith(folder + os.sep)), None)
    return f"{file if inside is None else file[len(inside) + 1 :]}:{code.co_qualname}"


def main(path: Path, arguments: Sequence[str]) -> None:
    """Run the daemon with `arguments`, and write into `path` what was seen of it."""
    sys.argv = ["daemon", *arguments]
    sampler = Sampler()
    sampler.start()
    try:
        runpy.run_module("daemon", run_name="__main__", alter_sys=True)
    finally:
        sampler.stop()
        sampler.write(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
