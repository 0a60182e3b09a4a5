"""Real files of many kinds that every machine with this project has."""

import itertools
import os
import random
import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

LARGEST_BYTES = 2**20
_LARGE_SHARE = 40
_SKIPPED = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def gather(project: Path, count: int, seed: int) -> list[Path]:
    """Return at most `count` files of 0 bytes to 1 MiB, of as many kinds as can be found.

    They come from the Python installation, its packages and `project`: a few of the largest, the
    rest in turns by file name extension. The same machine and seed give the same files.
    """
    kinds: dict[str, list[Path]] = defaultdict(list)
    for root in (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), project):
        for path in _walk(str(root)):
            kinds[path.suffix.lower()].append(path)
    order = random.Random(seed)
    shuffled = [sorted(paths) for _, paths in sorted(kinds.items())]
    for paths in shuffled:
        order.shuffle(paths)
    largest = sorted(itertools.chain(*shuffled), key=_size_bytes)[-count // _LARGE_SHARE :]
    shuffled = [[path for path in paths if path not in largest] for paths in shuffled]
    chosen = largest
    while shuffled and len(chosen) < count:
        shuffled = [paths for paths in shuffled if paths]
        chosen += [paths.pop() for paths in shuffled][: count - len(chosen)]
    order.shuffle(chosen)
    return chosen


def _size_bytes(path: Path) -> tuple[int, Path]:
    return path.stat().st_size, path


def _walk(folder: str) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() or entry.name in _SKIPPED:
                continue
            if entry.is_dir():
                yield from _walk(entry.path)
            elif entry.is_file() and entry.stat().st_size <= LARGEST_BYTES:
                yield Path(entry.path)
