"""What can be set: one typed model of the settings, one place that reads them.

- `broker_rules.py`: what must hold between settings that concern the broker: times, transport,
  addresses
- `broker_settings.py`: the settings of the broker, and of this worker's place in the consumer group
- `catalogue.py`: all settings in one flat table, for whoever must look one up by its dotted key
- `consistency.py`: which settings cannot hold together, each of them fine by itself
- `errors.py`: the one way a configuration fails
- `explain.py`: errors of a configuration in words: one line each, with its place and its remedy
- `forms.py`: the forms that text settings must have: names, topics, digests, addresses, moments
- `lane_settings.py`: the settings of a lane: what it batches, how much it holds, when it is open
- `layers.py`: the three places where settings are written, each read into the same flat form
- `line_rules.py`: what must hold between settings of the line: how much lanes hold, and how long
  things may take
- `load.py`: the one place that reads settings: a file, the environment and the command line, in
  this order
- `model_rules.py`: what must hold between settings of models, and who has models
- `model_settings.py`: the settings of a model: its file, how it runs, and what holds for its inputs
  and outputs
- `reference.py`: the tables of docs/configuration.md, made from the settings themselves
- `scaling_rules.py`: what must hold between settings that concern scaling
- `schema.py`: the JSON schema of a configuration file, for editors that complete and check while
  one types
- `secrets.py`: secrets come from files, and never leave through a log, an error or a printed
  setting
- `section.py`: what every section of the settings is, and the values that several of them have
- `settings.py`: every setting there is, with its default and its meaning; nothing else may invent
  one
- `topic_rules.py`: what must hold between topics, so that nothing the daemon writes can come back
  as a request
- `transform_rules.py`: what must hold between the settings of a ready-made transform
- `transform_tables.py`: the ready-made transforms as they are configured: a table where a class of
  the user's would stand
- `units.py`: durations and sizes as people write them: "30s", "1MiB"
- `window_rules.py`: what must hold between settings that concern lanes which open by the clock
"""
