"""What the worker says of itself: events, metrics, health.

- `distribution.py`: quantiles and means of what a histogram counted
- `events.py`: every event the log may name, with its level and its meaning; docs/operations.md
  lists them
- `histograms.py`: histograms that take a whole batch of observations at once
- `http.py`: health and metrics over HTTP, for probes and scrapers of this host
- `lane_work.py`: what was done for a lane, by what was counted of it
- `logs.py`: the log: one JSON object a line on standard error, readable text on a terminal
- `metric_names.py`: every metric there is, with its labels and its meaning; docs/operations.md
  lists them
- `metrics.py`: what happened, counted for Prometheus
- `repeats.py`: which repetitions of a log event are left out
- `scaling_metrics.py`: what was decided, and by what, as Prometheus reads it
- `scrape.py`: what a scrape of /metrics gets: the client library's text, made in pieces
- `status_page.py`: the status page over HTTP: `/` is the page, `/status.json` what it shows
"""
