"""A real Apache Kafka for the demo, the tests and the load tests, from Python alone.

- `address.py`: which broker is meant: command line, environment, file
- `broker.py`: a broker as a child process: started, stopped, killed, paused, restarted
- `cluster.py`: several brokers with copies of everything, each to be killed, paused, restarted
- `jars.py`: which jars it takes, fetched once and verified
- `java.py`: the Java that runs Kafka, and a log folder formatted by it
- `leaders.py`: which node of a cluster leads or coordinates, and how to make another do it
- `properties.py`: what a node of Kafka is told
- `proxy.py`: a proxy before a broker that holds, delays, swallows, falls silent or hangs up
- `quick_start.py`: what lets it start in half the time, made once per user
- `relock.py`: the script that writes jars.lock anew
- `topics.py`: the topics that a configuration names, created
"""
