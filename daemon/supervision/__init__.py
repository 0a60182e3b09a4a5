"""Worker processes on one host: started, watched, drained and replaced.

- `backoff.py`: how long a slot pauses before its worker is started again
- `child.py`: one worker as a process: its command, its environment, its signals, its end
- `folder.py`: where a supervisor's sockets are: a folder that the next one removes if this one
  cannot
- `gathering.py`: the metrics of all workers under one address, each sample with the slot it comes
  from
- `group_watch.py`: the look at the group from outside that one edition of the settings asks for
- `hardware.py`: what this process may use of its host: cores, GPUs and ports
- `mailbox.py`: what one worker says of itself: the datagrams that services send to systemd
  (sd_notify(3))
- `metrics.py`: the supervisor's own metrics: its workers by state, and how often it had to start
  some again
- `placement.py`: how many workers a host has room for, and what tells one slot's worker from
  another's
- `rehearsal.py`: new settings are tried by a process of their own before any worker is drained
  for them
- `renewal.py`: SIGHUP: new settings are read, tried, and handed on to the workers one by one
- `reporting.py`: what a supervisor shows: health, the metrics of all its workers, the status
  page, systemd's status
- `revision.py`: what one edition of the settings means on this host: how many workers, and how
  each is started
- `rolling.py`: new settings reach the workers one at a time
- `slot.py`: what a slot is, what is done to it, and how its worker ends
- `slots.py`: which slot's worker is started, drained or killed
- `supervisor.py`: a supervisor's life: it looks at the group, keeps as many workers as that
  takes, and drains them
- `work_done.py`: what all workers did together, from the metrics each of them serves
- `workers.py`: the worker processes of all slots: what Slots decides is done here, and what
  happens is told it
"""
