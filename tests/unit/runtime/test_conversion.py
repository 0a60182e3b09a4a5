import numpy as np
import pytest

from daemon.values.errors import Code
from runtime import (
    REJECTION_CODES,
    Conversion,
    Done,
    Prepared,
    PreparedRows,
    Rejected,
    TransformFailed,
)
from runtime.signature import Signature, TensorSpec
from tests.signatures import whole

SIGNATURE = Signature(
    (
        TensorSpec("x", np.dtype(np.float32), "FP32", (2,)),
        TensorSpec("k", np.dtype(np.int64), "INT64", (None,)),
    ),
    (),
)


WHOLE = Signature(
    (whole("x", "FP32", (1, None)), whole("rate", "INT64")), (whole("boxes", "FP32", (None, 4)),)
)


def inputs(rows=1, **changed):
    fitting = {"x": np.zeros((rows, 2), np.float32), "k": np.zeros((rows, 7), np.int64)}
    return {**fitting, **changed}


class Scripted:
    """A transform that returns what it is told, or raises it."""

    def __init__(self, given):
        self.given = given

    def preprocess(self, body, headers):
        if isinstance(self.given, BaseException):
            raise self.given
        return self.given

    def postprocess(self, outputs):
        return self.preprocess(outputs, {})


def preprocess(given):
    return Conversion(Scripted(given), SIGNATURE).preprocess(b"", {})


def postprocess(given):
    return Conversion(Scripted(given), SIGNATURE).postprocess({}, inputs={})


def test_inputs_that_fit_the_model_come_with_their_rows():
    given = inputs(3)

    assert preprocess(given) == PreparedRows(given, 3)


class WithContext(Scripted):
    """Asks for what preprocess left."""

    def postprocess(self, outputs, context):
        return "text/plain", repr((outputs, context)).encode()


class WithInputs(Scripted):
    """Asks for the arrays, by a parameter that may be left out."""

    def postprocess(self, outputs, *, inputs=None):
        return "text/plain", repr(inputs["x"].shape).encode()


def finished(conversion, made):
    context = made.kept.context if made.kept else None
    return conversion.postprocess({"y": 1}, inputs=made.inputs, context=context)[1]


def test_a_context_reaches_postprocess():
    conversion = Conversion(WithContext(Prepared(inputs(2), context=(640, 480))), SIGNATURE)

    made = conversion.preprocess(b"", {})

    assert made.rows == 2
    assert made.kept.by is conversion
    assert finished(conversion, made) == b"({'y': 1}, (640, 480))"


def test_who_asks_for_a_context_and_left_none_gets_none():
    conversion = Conversion(WithContext(inputs()), SIGNATURE)

    assert finished(conversion, conversion.preprocess(b"", {})) == b"({'y': 1}, None)"


def test_who_asks_for_inputs_gets_the_arrays():
    conversion = Conversion(WithInputs(inputs(3)), SIGNATURE)

    assert finished(conversion, conversion.preprocess(b"", {})) == b"(3, 2)"


def test_nothing_is_kept_for_who_asks_for_outputs_alone():
    conversion = Conversion(Scripted(Prepared(inputs(), context="unheard")), SIGNATURE)

    assert conversion.preprocess(b"", {}).kept is None


def test_a_context_is_not_kept_for_who_asks_for_inputs_alone():
    conversion = Conversion(WithInputs(Prepared(inputs(), context="unheard")), SIGNATURE)

    assert conversion.preprocess(b"", {}).kept.context is None


class OldNames(Scripted):
    """Calls its outputs what others may ask for."""

    def postprocess(self, inputs, **context):
        return "text/plain", repr((inputs, context)).encode()


def test_outputs_may_have_any_name():
    conversion = Conversion(OldNames(inputs()), SIGNATURE)

    assert finished(conversion, conversion.preprocess(b"", {})) == b"({'y': 1}, {})"


def test_a_method_that_cannot_be_looked_into_gets_outputs_alone():
    transform = Scripted(None)
    transform.postprocess = dict  # one in C, without a signature

    with pytest.raises(TransformFailed, match="postprocess returned a dict"):
        Conversion(transform, SIGNATURE).postprocess({}, inputs={})


def test_whole_tensors_have_the_models_own_axes_in_a_transform():
    class Keeps(Scripted):
        def postprocess(self, outputs, inputs):
            self.seen = outputs["boxes"].shape, inputs["x"].shape, inputs["rate"].shape
            return "text/plain", b""

    made = Keeps({"x": np.zeros((1, 5), np.float32), "rate": np.array(16000)})
    conversion = Conversion(made, WHOLE)

    prepared = conversion.preprocess(b"", {})
    conversion.postprocess({"boxes": np.zeros((1, 0, 4), np.float32)}, inputs=prepared.inputs)

    assert prepared.rows == 1
    assert {name: array.shape for name, array in prepared.inputs.items()} == {
        "x": (1, 1, 5),
        "rate": (1,),
    }
    assert made.seen == ((0, 4), (1, 5), ())


def test_a_whole_tensor_of_another_shape_is_a_failure_that_says_what():
    given = {"x": np.zeros((2, 5), np.float32), "rate": np.array(16000)}

    with pytest.raises(TransformFailed, match=r"shape \(2, 5\), the model takes \(1, any\)"):
        Conversion(Scripted(given), WHOLE).preprocess(b"", {})


def test_a_finished_answer_passes():
    done = Done("text/plain", b"empty")

    assert preprocess(done) is done


def test_a_reply_passes():
    assert postprocess(("text/plain", b"cat")) == ("text/plain", b"cat")


@pytest.mark.parametrize("convert", [preprocess, postprocess])
def test_a_rejection_passes(convert):
    rejected = Rejected("invalid_value", "not an image")

    with pytest.raises(Rejected) as raised:
        convert(rejected)

    assert raised.value is rejected


@pytest.mark.parametrize("convert", [preprocess, postprocess])
@pytest.mark.parametrize("error", [ValueError("/secret/path"), SystemExit(3), KeyError("body")])
def test_anything_else_raised_fails_that_request_by_kind_alone(convert, error):
    with pytest.raises(TransformFailed) as failed:
        convert(error)

    assert failed.value.detail == f"{convert.__name__} raised {type(error).__name__}"
    assert failed.value.__cause__ is error


def test_an_interrupt_is_nobodys_failure():
    with pytest.raises(KeyboardInterrupt):
        preprocess(KeyboardInterrupt())


def test_a_rejection_by_a_code_of_its_own_is_a_failure():
    with pytest.raises(TransformFailed, match="a code that is not one"):
        preprocess(Rejected("crashed_worker", ""))


def test_rejections_use_the_codes_of_the_wire():
    assert {str(code) for code in Code} >= REJECTION_CODES


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (None, "preprocess returned a NoneType, not inputs by name and not Done"),
        (Prepared(None), "preprocess returned a NoneType, not inputs by name and not Done"),
        (Prepared({}, 1), r"inputs \[\], the model takes \['k', 'x'\]"),
        ({}, r"inputs \[\], the model takes \['k', 'x'\]"),
        (inputs(z=1), r"inputs \['k', 'x', 'z'\], the model takes"),
        (inputs(x=[[0.0, 0.0]]), "input 'x' a list, not an array"),
        (inputs(x=np.zeros((1, 2))), "input 'x' float64, the model takes float32"),
        (inputs(x=np.zeros((1, 2), ">f4")), "input 'x' >f4, the model takes float32"),
        (inputs(x=np.zeros((1, 3), np.float32)), r"shape \(1, 3\), the model takes \(rows, 2\)"),
        (inputs(x=np.zeros(2, np.float32)), r"shape \(2,\), the model takes \(rows, 2\)"),
        (inputs(k=np.zeros((), np.int64)), r"shape \(\), the model takes \(rows, any\)"),
        (inputs(0), "no row"),
        (inputs(x=np.zeros((2, 2), np.float32)), r"inputs of \[1, 2\] rows, not of one"),
        (Done("text/plain", "text"), "a body that is a str, not bytes"),
        (Done("", b""), "a content type that is not ASCII text"),
    ],
)
def test_what_the_model_does_not_take_is_a_failure_that_says_what(given, detail):
    with pytest.raises(TransformFailed, match=detail):
        preprocess(given)


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (b"cat", r"postprocess returned a bytes, not \(content type, body\)"),
        (("a", b"", 3), "returned a tuple, not"),
        (("text/plain", bytearray(b"cat")), "a body that is a bytearray, not bytes"),
        ((b"text/plain", b"cat"), "a content type that is not ASCII text"),
        (("text/größe", b"cat"), "a content type that is not ASCII text"),
    ],
)
def test_what_is_no_reply_is_a_failure_that_says_what(given, detail):
    with pytest.raises(TransformFailed, match=detail):
        postprocess(given)


def test_a_transform_is_cheap_only_when_it_says_so():
    cheap = Scripted(None)
    cheap.cheap = True

    assert Conversion(cheap, SIGNATURE).cheap
    assert not Conversion(Scripted(None), SIGNATURE).cheap
