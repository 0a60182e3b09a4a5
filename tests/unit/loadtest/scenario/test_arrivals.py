"""Shapes of load."""

from loadtest.scenario import arrivals
from loadtest.scenario.model import Traffic


def test_every_shape_is_a_key_of_a_class():
    assert arrivals.SHAPES.keys() <= Traffic.model_fields.keys()
