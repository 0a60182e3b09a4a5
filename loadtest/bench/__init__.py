"""`make bench`: the figures of docs/performance.md, measured from outside, through Kafka."""
