"""Why a model was refused, and how a run can end without an answer."""

from runtime.user_code import Place


class ModelRefused(Exception):
    """The model, its device or its transform cannot be used; the process exits 65 (EX_DATAERR).

    `reason` says what is wrong and `remedy` what to do; both are for the operator and may name
    files. `lacks_memory`: there is none for it beside what else is loaded.
    """

    def __init__(self, reason: str, remedy: str, *, lacks_memory: bool = False) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy
        self.lacks_memory = lacks_memory


class RunError(Exception):
    """A run gave no outputs; `detail` is fit for a reply: no paths, no stack."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ModelFailed(RunError):
    """The model raised."""


class OutputInvalid(ModelFailed):
    """The model gave other than one row out for each row in: `output` has the shape `shape`, rows first."""

    def __init__(self, detail: str, output: str = "", shape: tuple[int, ...] = ()) -> None:
        super().__init__(detail)
        self.output = output
        self.shape = shape


class ModelOutOfMemory(ModelFailed):
    """There was no memory, of the host or of the GPU, for so many rows at once."""


class ModelTimeout(RunError):
    """The run was ended at its limit; the session is usable again."""


class ModelStuck(RunError):
    """A run did not end when told to: its thread is lost, and only the process's end frees it."""


class TransformFailed(Exception):
    """A user's transform raised or returned something unusable; `detail` is fit for a reply.

    `place` is for the operator: it names a file.
    """

    def __init__(self, detail: str, place: Place | None = None) -> None:
        super().__init__(detail, place)
        self.detail = detail
        self.place = place


class TransformLate(Exception):
    """A call of a transform took longer than `limit_s`, and was ended."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"it took longer than {limit_s:g} s")
        self.limit_s = limit_s


class TransformGone(Exception):
    """Nothing is there any more that could run the transform, which is no request's fault."""
