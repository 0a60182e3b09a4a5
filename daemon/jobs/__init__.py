"""Jobs: many requests submitted together, each of which has exactly one end in a folder of results.

- `announcing.py`: says in the topic of jobs how one stands: when somebody begins to see to it, under way,
  and when it is over
- `choice.py`: which input a job has, a folder, a table, or lines, and whether its results become a table
- `collecting.py`: reads what comes of a job's items, and finds out what nothing will come of
- `columns.py`: what the columns of a Parquet file are to a job: ids, bodies, or the inputs of a model
- `deadline.py`: by when a job is wanted: a time of day, a moment or a while, as people type it
- `ends.py`: how an item ends, and what that makes of the job
- `hearing.py`: hears of jobs under way, for as long as somebody looks at a status page
- `inputs.py`: what a job asks: each file of a folder, or each line of a JSONL file
- `job.py`: one job, from its input to its last end
- `journal.py`: `job.sqlite`: each item with its end, and how far replies are read
- `last_words.py`: what the topic of jobs says of each of them: the last that was said
- `lineage.py`: says to OpenLineage that a job began, and how it ended
- `order.py`: what was ordered: the job as it was when it began
- `ordering.py`: makes an order of what is wished for
- `pace.py`: how fast it gets on, and how long the rest may take
- `progress.py`: how far a job has come, said while it runs
- `publishing.py`: sends the items, a chunk at a time, no further ahead than it may be
- `registering.py`: takes up the items: all of them, or none
- `results.py`: the files of results: a line for each item that ended, and the summary
- `results_table.py`: results.parquet: the results in the order of the input, made when the job is over
- `settling.py`: gives items their ends: in the journal and in the files, together or not at all
- `summary.py`: what a job tells of itself: for programs as JSON, for people in a few lines
- `tables.py`: a Parquet file as what a job asks: each row is an item
- `topics.py`: whether the topics are fit for a job: what they take, and how long they keep it
"""
