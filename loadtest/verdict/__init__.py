"""Figures of a run, its targets, and whether they may be believed.

- `bands.py`: where the time goes, for requests as fast as most and for those as slow as few
- `binomial.py`: the binomial distribution: how sure a count of successes makes us
- `blocks.py`: mean and slope of a series whose neighbours resemble each other
- `confidence.py`: how many samples it takes to be sure of a percentile
- `course.py`: how a run went over time: equal intervals from its start to its last reply
- `daemon_course.py`: how the daemon went over time, by its metrics
- `detail.py`: what people look at and no target asks for: courses over time, bands, batches, who answered
- `exits.py`: exit codes of `tidemill-load`
- `figures.py`: what the records of a run add up to, for one class of requests or for all
- `findings.py`: everything that targets are judged by: figures by class, and the daemon's own
- `judge.py`: judges each target by the findings
- `latencies.py`: times in an HDR histogram, and their percentiles by nearest rank
- `measure.py`: reads one metric of a target from the findings
- `metrics.py`: what targets can be about; docs/load-testing.md lists them
- `series.py`: how figures change over a run: it is cut into slices by intended time
- `sources.py`: whether there is anything that a metric could be counted from
- `targets.py`: the grammar of targets, such as `p99[urgent] < 100ms`
- `validity.py`: whether a run may be believed at all: did it offer what it meant to, and did it look in time?
- `verdict.py`: the verdict on a run, and its exit code
"""
