"""One run against another: a regression gate that knows about noise.

- `gate.py`: what changed between two runs of the same load, and whether it is more than noise
- `ranks.py`: whether one series lies above another, by ranks alone
"""
