"""Figures of a run, its targets, and whether they may be believed. Pure.

- `bands.py`: where the time goes, for requests as fast as most and as slow as few
- `binomial.py`: the binomial distribution
- `blocks.py`: mean and slope of a series whose neighbours resemble each other
- `confidence.py`: how many samples it takes to be sure of a percentile
- `course.py`: how a class went over time
- `daemon_course.py`: how the daemon went over time
- `detail.py`: what people look at and no target asks for
- `exits.py`: exit codes
- `figures.py`: what the records of a run add up to
- `findings.py`: everything that targets are judged by
- `judge.py`: how each target came out
- `latencies.py`: times in an HDR histogram
- `measure.py`: one metric of a target, read from the findings
- `metrics.py`: what targets can be about
- `series.py`: twentieths of a run, to compare it by
- `sources.py`: whether there is anything that a metric could be counted from
- `targets.py`: the grammar of targets
- `validity.py`: whether a run may be believed at all
- `verdict.py`: the verdict in one word
"""
