"""N and T by measurement: how run time grows with rows, and what that means for a target.

- `bursts.py`: batches of known sizes: requests that leave together, so that they run together
- `choice.py`: which settings are best, by the model or as measured, and which are worth a run
- `deployed.py`: the deployment that is tuned: one that runs already, or a daemon of ours for each setting
- `document.py`: the answer of a tuning as JSON
- `fit.py`: run time against rows: t = a + c * rows, and how far from a line it is
- `model.py`: what settings would come to at a rate, by the fit alone
- `page.py`: the answer of a tuning as a page of figures
- `service.py`: a lane and its executor as they would be with other settings: arrivals in, latencies out
- `setting_trial.py`: a setting that was run, and whether it meets the targets with margin
- `spec.py`: what is tuned: a lane by one class of requests, at a rate, for targets
- `terminal.py`: what a tuning shows to people
- `tunable.py`: what `tune` is given: a scenario, or a daemon's configuration and a folder of bodies
- `tuning.py`: the tuning: fit, proposal, sweep, choice, confirmation
"""
