"""Exit codes of `tidemill-load`. Pure."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `tidemill-load`."""

    PASS = 0
    MISSED = 1
    USAGE = 2
    INVALID = 3
    INFRASTRUCTURE = 4
    INTERRUPTED = 130


MEANINGS = {
    Exit.PASS: "every target is met",
    Exit.MISSED: "a target is missed",
    Exit.USAGE: "scenario, target or command line make no sense",
    Exit.INVALID: "nothing is proved: the load tester was late or the limit, too little was sent, "
    "too few samples, no data",
    Exit.INFRASTRUCTURE: "broker, topic, metrics or the daemon that `--embedded` started failed, or a package is not installed",
    Exit.INTERRUPTED: "stopped by Ctrl-C; what is known is reported",
}
