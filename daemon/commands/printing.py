"""What a command prints that is there to print it: without that it has failed."""

import sys

from daemon.process.standard_streams import refused, settle
from daemon.values.errors import Exit, Fatal


def printed(*texts: str) -> Exit:
    """Print `texts`, or nothing more than was printed; raises Fatal when not all could be written.

    A reader that goes away, such as `head`, has had enough.
    """
    for text in texts:
        sys.stdout.write(text)
    settle()
    if why := refused():
        raise Fatal(Exit.UNWRITTEN, f"standard output cannot be written: {why}")
    return Exit.CLEAN
