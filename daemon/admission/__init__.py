"""From records to requests: each checked alone, before anything is allocated for it. Pure.

- `admission.py`: from records to requests: each is checked alone, before anything is allocated
  for it
- `bodies.py`: what the bodies of a lane's requests hold, by their forms
- `deadlines.py`: when a request expires: by its deadline, or so long after its record's timestamp
- `examination.py`: records looked at one by one: each is a request, or gets an answer instead
- `header_columns.py`: what the headers of records by columns ask for, found out for all of them at
  once
- `json_bodies.py`: the JSON bodies of one model, of many records at once where they are alike
- `json_columns.py`: JSON records of a lane by columns, admitted as runs: one for neighbours whose
  bodies are of one frame
- `model_rules.py`: what one model accepts: which forms, which tensors, which values
- `raw_columns.py`: plain records of a lane by columns, admitted as one run
- `raw_lane.py`: the plain records of a lane, admitted in one tight loop
- `reply_topics.py`: where a reply may go: a requester must not make the daemon write wherever it
  has the right to
- `turns.py`: whose records are admitted next, and how many of them before the loop does anything
  else
"""
