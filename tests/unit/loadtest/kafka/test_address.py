"""Which broker a command of the load tester means: the same rule as the daemon's."""

import pytest

from config.layers import BOOTSTRAP_VARIABLE, variable
from loadtest.kafka.address import VARIABLES, Address, address, from_environment

OWN, COMMON = VARIABLES


@pytest.mark.parametrize(
    ("command_line", "environment", "meant"),
    [
        ("", {}, Address("file:1")),
        ("", {COMMON: ""}, Address("file:1")),
        ("", {COMMON: "common:2"}, Address("common:2", COMMON)),
        ("", {COMMON: "common:2", OWN: ""}, Address("common:2", COMMON)),
        ("", {COMMON: "common:2", OWN: "own:3"}, Address("own:3", OWN)),
        ("typed:4", {COMMON: "common:2", OWN: "own:3"}, Address("typed:4")),
    ],
)
def test_the_stronger_one_is_meant(command_line, environment, meant):
    assert address("file:1", command_line, environment) == meant


def test_an_environment_that_says_nothing_names_no_broker():
    assert from_environment({"HOME": "/home/somebody"}) is None


def test_its_variables_are_the_daemon_s():
    assert (variable(("kafka", "bootstrap_servers")), BOOTSTRAP_VARIABLE) == VARIABLES
