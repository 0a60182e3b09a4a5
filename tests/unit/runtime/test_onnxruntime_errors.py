"""What onnxruntime says when it fails, as people read it."""

import pytest

from runtime.onnxruntime_errors import plain


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        (
            "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Conv node. Name:'/stem/Conv' Status Message: /src/core/x.cc:12 Run(int) [ShapeInfer] bad shape",
            "[ShapeInfer] bad shape",
        ),
        ("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got: 5 Expected: 4", "Got: 5 Expected: 4"),
        (
            "OrtValue* onnxruntime::OutputMLValue(int) [ONNXRuntimeError] : 1 : FAIL : Shape mismatch",
            "Shape mismatch",
        ),
        ("std::bad_alloc", "std::bad_alloc"),
        ("", "RuntimeError"),
    ],
)
def test_messages_of_onnxruntime_are_made_plain(message, detail):
    assert plain(RuntimeError(message)) == detail
