"""Worker processes on one host: started, watched, drained and replaced as daemon/slots decides.

- `child.py`: one worker as a process: its command, its environment, its signals, its end
- `gathering.py`: the metrics of a supervisor: its own, and those of all workers under one address
- `mailbox.py`: what workers say of themselves, and the folder of the sockets they say it to
- `renewal.py`: SIGHUP: new settings are read, tried by a process of their own, and handed on to
  the workers one by one
- `reporting.py`: what a supervisor shows: health, the metrics of all its workers, the status
  page, systemd's status
- `revision.py`: what one revision of the settings means on this host, its cores, GPUs and ports:
  which workers, started how
- `supervisor.py`: a supervisor's life: it watches the group, keeps as many workers as that takes,
  and drains them
- `workers.py`: the worker processes of all slots: what Slots decides is done here, and what
  happens is told it
"""
