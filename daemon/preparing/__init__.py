"""Between admission and the lanes: what is done to requests before they gather.

What is to be done to all requests of a lane is a step: one callable in a file of its own, of the
shape in `steps.py`; its place among others is the lane's tuple in daemon/line/lanes.py, which also
says of a lane whether any of its steps waits. Admission has decoded what it gets, bodies of transforms
excepted. What steps do sees no results: they are answered in daemon/line/dispatch.py, of a transform's
lane by way of `finishing.py`.

- `finishing.py`: users' transforms behind the model: what becomes of outputs
- `loop_calls.py`: ends a process in which a call on the event loop never returns
- `loop_slices.py`: runs cheap transforms on the loop, slice by slice
- `steps.py`: the station: takes requests through the steps of their lane, group by group
- `time_slices.py`: whose values a thread takes next, and what is given up because it takes too long
- `transform_calls.py`: calls of users' transforms: where they run, how long they may take, what is told
  of one that fails
- `transform_threads.py`: the threads in which users' transforms run
- `transforms.py`: users' transforms before the model: a step that makes inputs of bodies
"""
