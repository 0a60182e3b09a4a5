"""N and T by measurement: how run time grows with rows, and what that means for a target. Pure but for
`deployed.py`, and for reading what is tuned.

- `bursts.py`: requests that leave together, so that they run together
- `choice.py`: which settings are best, and which are worth a run
- `deployed.py`: the deployment that is tuned, through Kafka
- `document.py`: the answer as JSON
- `fit.py`: run time against rows
- `gain.py`: whether batches pay
- `model.py`: what settings would come to, by the fit
- `page.py`: the answer as a page of figures
- `service.py`: a lane and its executor, simulated
- `setting_trial.py`: what is kept of a run
- `spec.py`: what is tuned
- `terminal.py`: what people see of it
- `tunable.py`: what was given: a scenario, or a configuration and bodies
- `tuning.py`: fit, proposal, sweep, choice, confirmation
"""
