"""`make demo`: the main job, shown. Real files, a real model, a real Kafka, one daemon.

- `files.py`: real files of many kinds that every machine with this project has
- `report.py`: what the demo shows at its end
- `stage.py`: what the demo needs around its traffic: the example's configuration and model
- `traffic.py`: files become requests on two lanes, each with the time it is meant to be sent
"""
