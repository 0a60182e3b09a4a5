"""A run, told: to people at its end and while it lasts, to programs, and as a page to look at. Pure but for
writing.

- `contents.py`: what a run came to, in the form of the report for programs
- `document.py`: the report as JSON, to write and to read
- `junit.py`: a test case for each target
- `live.py`: the line that tells how a run goes
- `raw.py`: one CSV row a request
- `terminal.py`: figures, targets and verdict at the end of a run
- `words.py`: values as people read them

`html/` is the page.
"""
