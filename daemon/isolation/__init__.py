"""Which requests may have killed a worker, and how the killers are found without harm to others. Pure.

A crash leaves no words behind. What is left is the commit of each partition, and the note in it
(docs/decisions/0017-crashes-are-attributed-by-notes.md).

- `note.py`: what a commit says beside its offset: who holds the partition, what in it is suspect,
  what runs alone
- `quarantine.py`: the partitions of one assignment whose suspects run alone
- `suspect_range.py`: what of a partition may have killed a worker, and what each further death, and
  each run that was survived, teaches
"""
