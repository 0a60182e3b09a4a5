"""The ground that the whole daemon stands on: what travels, ledgers, budgets, ports, error codes. Pure.

- `budget.py`: how much a lane may hold at a time, from fetch to acknowledged reply
- `errors.py`: the codes a request can end with, and the reasons the process can end for
- `lane.py`: a lane as the running line knows it: how it is batched, how much it may hold
- `ledger.py`: which offsets of a partition are answered, and so what may be committed
- `messages.py`: the few values that travel down the line
- `object_sizes.py`: what values take in memory besides the bytes that they were sent as
- `outgoing.py`: records on their way out: one alone, or a run of them by columns
- `ports.py`: what the line asks of the world at its two ends, so that each end can be real or a
  fake
- `record_columns.py`: records as they lie in the log: alone, or several of one partition by columns
- `reply_run.py`: results that are alike, on their way from the model to the broker as one value
- `request_run.py`: requests that are laid out alike, by columns: one value from admission to their
  replies
- `sleep.py`: which lanes a fleet may sleep through: their requests gather in Kafka meanwhile
- `texts.py`: texts that lie in one piece of memory: a column of them, of any length each
"""
