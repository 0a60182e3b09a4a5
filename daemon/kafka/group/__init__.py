"""This worker's place in its group: assignments, start positions, commits, the lease.

- `access.py`: rights and topics that a member lost after it had begun to read
- `answered_runs.py`: which offsets above a commit are answered, as text short enough to be
  committed beside it
- `assign.py`: finding out where to read assigned partitions from, for as long as that takes
- `commits.py`: commits of one generation: only what is settled, only what changed, never for ever
- `committed.py`: the group's commits, asked for and made by requests of our own whose every error
  code is read
- `coordinator.py`: requests to the group's coordinator by one who is no member
- `generation.py`: one assignment of partitions to this worker, from the group's word to the next
- `lease.py`: how long a worker may act as the owner of its partitions without hearing from the
  group
- `leaving.py`: leaving the group at once, a static member too, and though its coordinator may not
  answer
- `membership.py`: this worker's place in the group: assignments taken up, given up, and lost
- `probes.py`: what may have killed a worker, run alone: commits say so before it runs, and when it
  runs no more
- `start_positions.py`: where to start reading a partition
- `watched_topics.py`: the topics that a member reads, as the brokers have them by now: gone, refused,
  back, or made anew
"""
