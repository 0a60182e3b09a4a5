"""From records to requests: each checked alone, before anything is allocated for it. Pure.

- `admission.py`: from records to requests: each is checked alone, before anything is allocated
  for it
- `deadlines.py`: when a request expires: by its deadline, or so long after its record's timestamp
- `examination.py`: one record looked at alone: a request, or the answer that it gets instead
- `model_rules.py`: what one model accepts: which forms, which tensors, which values
- `raw_lane.py`: the plainest records of a lane, admitted in one tight loop
- `reply_topics.py`: where a reply may go: a requester must not make the daemon write wherever it
  has the right to
"""
