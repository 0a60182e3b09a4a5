"""One run against another: a regression gate that knows about noise. Pure.

- `gate.py`: what changed, and whether it is more than noise
- `ranks.py`: whether one series lies above another
"""
