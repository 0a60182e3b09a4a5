"""The group, its logs and topics, seen by one who is no member.

- `cluster.py`: what the cluster says of topics to one who is about to use them: rights and limits
- `fitness.py`: whether topics are fit for what they are used for
- `log_offsets.py`: where logs start and end, asked of each partition's leader by requests of our
  own
- `log_starts.py`: where logs start, which only retention changes: remembered, and asked again now
  and then
- `moment_targets.py`: where logs ended at the last moment of the lanes that open by the clock, asked
  once for each
- `observer.py`: the group and its logs, looked at from outside: by one who reads nothing and is
  no member
- `preflight.py`: what `tidemill check` finds out about the broker, the group and the topics;
  changes nothing
- `reader.py`: reading and asking by hand: one request and its reply, the newest records of a
  topic
- `tail.py`: follows topics from certain offsets on, and asks how far a group is
"""
