"""A real one-node Apache Kafka for the demo, the tests and the load tests, from Python alone.

- `address.py`: which broker is meant: command line, environment, file
- `broker.py`: a broker as a child process: started, stopped, killed, paused, restarted
- `jars.py`: which jars it takes, fetched once and verified
- `java.py`: the Java that runs Kafka, and a log folder formatted by it
- `properties.py`: what one node of Kafka is told
- `proxy.py`: a proxy before a broker that can hold requests, fall silent or hang up
- `quick_start.py`: what lets it start in half the time, made once per user
- `relock.py`: the script that writes jars.lock anew
- `topics.py`: the topics that a configuration names, created
"""
