import numpy as np
import pytest

from config.settings import Input
from runtime import ModelRefused
from runtime.padded_axes import padding_of
from runtime.signature import Signature, TensorSpec


def spec(name, row_shape, names, datatype="INT64", dtype=np.int64):
    return TensorSpec(name, np.dtype(dtype), datatype, row_shape, names)


IDS = spec("ids", (None,), ("length",))
MASK = spec("mask", (None,), ("length",))
UNNAMED = spec("unnamed", (None, 3), (None, None))


def padding(*specs, **pads):
    inputs = {name: Input(pad=pad) for name, pad in pads.items()}
    return padding_of(Signature(specs, ()), inputs, best_step=lambda: 64)


def test_nothing_is_padded_unless_it_is_asked_for():
    inputs = {"ids": Input(minimum=0)}

    assert padding_of(Signature((IDS,), ()), inputs, best_step=lambda: 64) is None


def test_inputs_share_an_axis_by_its_name_and_are_filled_up_with_zeros():
    (axis,) = padding(IDS, MASK, ids={"axis": "length", "step": 8, "value": 5}).axes

    assert (axis.name, axis.step, axis.inputs) == ("length", 8, (("ids", 0), ("mask", 0)))


def test_each_input_has_its_own_value():
    made = padding(IDS, MASK, ids={"axis": "length", "value": 5}, mask={"axis": "length"})

    assert (made.value_of("ids"), made.value_of("mask")) == (5, 0)


def test_the_step_that_any_input_of_an_axis_names_holds():
    made = padding(IDS, MASK, ids={"axis": "length"}, mask={"axis": "length", "step": 32})

    assert [axis.step for axis in made.axes] == [32]


def test_a_step_that_nobody_names_is_measured():
    (axis,) = padding(
        IDS, MASK, ids={"axis": "length", "step": "auto"}, mask={"axis": "length"}
    ).axes

    assert axis.step == 64


def test_an_axis_without_a_name_goes_by_its_number_in_inputs_that_ask_for_it():
    other = spec("other", (None,), (None,))

    alone = padding(UNNAMED, other, unnamed={"axis": 1})
    both = padding(UNNAMED, other, unnamed={"axis": 1}, other={"axis": 1})

    assert [axis.inputs for axis in alone.axes] == [(("unnamed", 0),)]
    assert [axis.inputs for axis in both.axes] == [(("unnamed", 0), ("other", 0))]


def test_a_number_stands_for_the_name_that_its_axis_has():
    assert (
        padding(IDS, MASK, ids={"axis": 1}).axes == padding(IDS, MASK, ids={"axis": "length"}).axes
    )


@pytest.mark.parametrize(
    ("pads", "reason"),
    [
        ({"ids": {"axis": "lenght"}}, "no axis 'lenght' to pad: beside its rows it has length"),
        ({"ids": {"axis": 2}}, "no axis '2'"),
        ({"ids": {"axis": 0}}, "no axis '0'"),
        ({"unnamed": {"axis": 2}}, "always has the length 3"),
        ({"ids": {"axis": "length", "value": 0.5}}, "cannot be padded with 0.5: it is INT64"),
    ],
)
def test_what_cannot_be_padded_is_refused_with_the_reason(pads, reason):
    with pytest.raises(ModelRefused, match=reason):
        padding(IDS, UNNAMED, **pads)


@pytest.mark.parametrize(
    ("datatype", "dtype", "value"),
    [
        ("BYTES", np.object_, ""),
        ("BOOL", np.bool_, True),
        ("BF16", np.uint16, 0x3F80),
        ("FP16", np.float16, 1.0),
    ],
)
def test_values_are_of_the_inputs_own_kind(datatype, dtype, value):
    one = spec("x", (None,), ("length",), datatype, dtype)

    assert padding(one, x={"axis": "length", "value": 1}).value_of("x") == value
