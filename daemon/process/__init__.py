"""The worker as a process: does it move, what stops it, what does it hold.

- `allocator.py`: what the C library does with memory that is let go
- `announcer.py`: what a service manager is told of a worker, and when
- `gc_policy.py`: when Python's cyclic garbage collector may run
- `health.py`: the worker's look at itself, once a second: does it move, and who must be told?
- `last_words.py`: what a supervised worker leaves behind when it ends: its metrics
- `memory.py`: how much memory a worker may come to use, from its settings
- `notify.py`: telling a service manager how this process stands, by the protocol of sd_notify(3)
- `own_memory.py`: what memory this process has, and what it may have
- `parent_death.py`: a supervised worker's tie to its supervisor: who dies, however that is, takes
  its workers along
- `pid1.py`: what a process must see to itself when it is the first one, as in a container
- `signals.py`: what the process is told from outside: TERM and INT stop it, HUP reloads its
  models
- `stall_detector.py`: whether the worker moves the work it holds
- `standard_streams.py`: the standard streams of this process: always there, and waited for by
  nobody who serves
- `start_attempts.py`: how often this process died while it started, counted where its own end cannot
  lose it
- `watchdog.py`: ends a process whose event loop hangs: nothing that lives on the loop could
"""
