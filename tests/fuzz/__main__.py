"""`make fuzz MINUTES=10`: coverage-guided fuzzing of every decoder that reads a stranger's bytes.

Each target of tests/fuzz/targets.py is run by atheris in a process of its own, for its share of the
time, from its seeds and tests/fuzz/corpus/. What breaks one is kept there and named, and the exit
code is 1; what merely reaches new code is kept under .fuzz/ for the next run.
"""

import argparse
import hashlib
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.targets import TARGETS, seeds

CORPUS = Path(__file__).parent / "corpus"
_WORK = Path(".fuzz")
_MOST_BYTES = 4_096
_RSS_MIB = 2_048
_UNIT_S = 20
"""An input that takes so long is a fault: the slowest legitimate one takes milliseconds."""


def main() -> int:
    """Fuzz as the command line says; return how many targets broke, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one")
    options = parser.parse_args()
    names = options.target or list(TARGETS)
    _write_seeds()
    share_s = max(1, round(options.minutes * 60 / len(names)))
    _say(f"{len(names)} targets, {share_s} s each")
    broken = [name for name in names if not _fuzz(name, share_s)]
    _say(f"broken: {', '.join(broken)}" if broken else "all targets held")
    return min(len(broken), 1)


def _write_seeds() -> None:
    for name, data in seeds():
        folder = _WORK / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def _fuzz(name: str, share_s: int) -> bool:
    """Run one target for `share_s`; return whether it held."""
    kept = CORPUS / name
    kept.mkdir(parents=True, exist_ok=True)
    (_WORK / name).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.inside", name]
    command += [f"-max_total_time={share_s}", f"-max_len={_MOST_BYTES}", f"-timeout={_UNIT_S}"]
    command += [f"-rss_limit_mb={_RSS_MIB}", "-print_final_stats=1", f"-artifact_prefix={kept}/"]
    command += [str(_WORK / name), str(kept)]
    began_s = time.monotonic()
    with (_WORK / f"{name}.log").open("wb") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    text = (_WORK / f"{name}.log").read_text(errors="replace")
    runs = [line.split()[-1] for line in text.splitlines() if "number_of_executed_units" in line]
    took_s = time.monotonic() - began_s
    said = f"{runs[-1] if runs else '?'} inputs" if not code else f"BROKEN, see {_WORK}/{name}.log"
    _say(f"  {name:<16} {took_s:5.0f} s  {said}")
    return not code


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
