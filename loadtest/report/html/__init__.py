"""The report for people who would rather look than read: one HTML file, made from the JSON report.

- `chart.py`: what a figure shows, before anybody draws it
- `drawing.py`: figures as SVG
- `latency.py`: figures of latency, over time and as a spectrum
- `line.py`: figures of the daemon's line: stations, batches, the executor
- `markup.py`: the page as HTML
- `page.py`: the whole page in words and figures; the table of all figures
- `palette.py`: colours, dashes and fills
- `promises.py`: what targets promise: rows of the table, levels and rings
- `rates.py`: figures of the load: offered, achieved, waiting
- `spectrum.py`: percentiles from a histogram
- `ticks.py`: where an axis begins and ends, and what is written along it
- `write.py`: writes a page
"""
