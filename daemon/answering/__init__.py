"""From results and refusals to records the broker has. Pure.

- `batch_replies.py`: the replies of requests that ran together: what they share is made once
- `dead_letters.py`: dead letters: a record that nobody can be answered for, kept whole with the
  reason
- `error_answers.py`: answers that say what is wrong: error replies and dead letters
- `onward.py`: results that go on as requests of another lane
- `replay.py`: which dead letters are sent again, and as what
- `replies.py`: results in the form of their requests
- `undeliverable.py`: what becomes of an answer that cannot leave as it is, as only the broker
  could know; error replies of its own are made here too
"""
