"""Which slot's worker is started, drained, killed or replaced on one host. Pure.

- `placement.py`: how many workers a host has room for, and what tells one slot's worker from
  another's
- `rolling.py`: new settings reach the workers one at a time
- `slot.py`: what a slot is, what is done to it, how its worker ends, and how long it pauses then
- `slots.py`: all slots: told what happened, asked what to do
- `totals.py`: what the workers counted together, whoever of them still runs
"""
