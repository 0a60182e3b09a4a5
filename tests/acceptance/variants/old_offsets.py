"""A broken daemon: its transactions commit offsets as TxnOffsetCommit v0 did, by no member."""

import sys

from daemon.__main__ import main
from daemon.kafka import offset_requests
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.membership import Membership

_init = offset_requests.FencedOffsetCommit.__init__


def _by_nobody(self, committer, topics):
    _init(self, committer._replace(generation=-1, member="", instance=None), topics)


offset_requests.FencedOffsetCommit.__init__ = _by_nobody
# Whoever has no fence at the group has none of its own either.
Membership.lease_valid = lambda self: True
Generation.lose = lambda self: None

sys.exit(main())
