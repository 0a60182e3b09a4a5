"""The wire contract of one configuration as an AsyncAPI 3 document. Pure.

- `document.py`: servers, channels, operations and messages, put together
- `headers.py`: what the headers of requests, replies and dead letters may be, as JSON schemas
- `messages.py`: the requests that a model takes, in each form, and the replies to them
- `payloads.py`: what bodies may be, as JSON schemas
"""
