"""The client's inside is as the guards around it expect."""

import hashlib
import importlib.metadata
import importlib.util
import inspect

import pytest

from daemon.kafka import guards


def _source(name):
    module, _, path = name.partition(":")
    spec = importlib.util.find_spec(module)
    # A copy of its own: in this process another test may have put the guards in.
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    for part in path.split("."):
        found = inspect.getattr_static(found, part)
    return inspect.getsource(found.fget if isinstance(found, property) else found)


@pytest.mark.parametrize("name", guards.RELIED_ON)
def test_what_the_guards_rely_on_has_not_changed(name):
    digest = hashlib.sha256(_source(name).encode()).hexdigest()[:12]

    assert digest == guards.RELIED_ON[name], f"{name} changed: read its uses in daemon/kafka again"


def test_the_client_is_the_version_that_was_read():
    assert importlib.metadata.version("aiokafka") == "0.14.0"
