"""Collects the suite as another process might, and writes down each test with its arguments.

`python -m tests.collection FILE NUMBER`: an odd NUMBER lists folders backwards, and each number lays
objects out at other addresses, as do a module that is compiled first or another library.
"""

import json
import os
import re
import sys
from pathlib import Path

import pytest

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_in_the_way = []


class _Listing:
    """What os.scandir returns, in an order of names instead of the file system's."""

    _scandir = staticmethod(os.scandir)

    def __init__(self, path=".", *, backwards):
        with self._scandir(path) as entries:
            self._entries = iter(sorted(entries, key=lambda each: each.name, reverse=backwards))

    def __iter__(self):
        return self._entries

    def __next__(self):
        return next(self._entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        pass


def _lay_out(number):
    """Let folders be listed in another order, and objects lie at other addresses."""
    listdir, backwards = os.listdir, number % 2 == 1
    os.scandir = lambda path=".": _Listing(path, backwards=backwards)
    os.listdir = lambda path=".": sorted(listdir(path), reverse=backwards)
    _in_the_way.extend((lambda each=each: each) for each in range(13 * number))


def _plain(value):
    """Return what is the same in every process for arguments that are the same."""
    if isinstance(value, dict):
        return [[_plain(key), _plain(each)] for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    return _ADDRESS.sub("", repr(value))


class _Tell:
    def __init__(self, file):
        self._file = file

    def pytest_collection_finish(self, session):
        told = [
            [item.nodeid, _plain(item.callspec.params) if hasattr(item, "callspec") else []]
            for item in session.items
        ]
        self._file.write_text(json.dumps(told), encoding="utf-8")


def main(file, number):
    _lay_out(int(number))
    options = ["--collect-only", "--quiet", "--assert=plain", "-p", "no:cacheprovider"]
    return pytest.main(options, [_Tell(Path(file))])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
