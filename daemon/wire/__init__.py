"""The wire contract: bytes to requests, results to bytes. Pure.

- `assemble.py`: a batch's inputs as the model takes them, and the rows of its outputs that belong
  to each request
- `binary.py`: the form application/octet-stream with a JSON part: the protocol's binary tensor
  extension
- `cloud_events.py`: replies and jobs as CloudEvents: what their headers say in binary mode
- `encode.py`: a result in the form of its request
- `forms.py`: what every form of a body has in common
- `headers.py`: a request's headers, read in one pass: address, deadline, form, model, trace
- `json_data.py`: a tensor's elements as JSON: flat or nested lists in, flat lists out
- `json_frames.py`: JSON bodies that differ from one that was read in the numbers of their data and
  in their id alone
- `json_results.py`: the JSON responses to requests that ran together: the numbers of all are
  written in one go
- `json_text.py`: what msgspec's decoder lets pass in a JSON text and careful readers do not
- `json_v2.py`: the form application/json: an Open Inference Protocol v2 request and response
- `media.py`: which form a body has, by its media type
- `npy.py`: the form application/x-npy: one array, its header read by a grammar, never by an
  interpreter
- `problem.py`: the body of an error reply: a problem document (RFC 9457)
- `protocol.py`: the JSON of the Open Inference Protocol, version 2: what its requests say,
  matched to a model
- `ragged.py`: rows of different lengths in one JSON body: `"shape": [3, -1]`, data nested
- `raw.py`: the form application/octet-stream alone: raw little-endian rows, one or several end to
  end
- `reply_headers.py`: the headers of replies: their names, their values, and the one place where
  they are put together
- `shapes.py`: shapes that requests declare: checked in Python integers before anything is
  allocated
- `tensor_bytes.py`: a tensor's elements as little-endian bytes, as the binary tensor extension
  lays them out
- `trace.py`: W3C Trace Context: what is passed on of a request's trace, and what its reply says of
  it
- `values.py`: which values an input may hold: for one request, or for all rows of a chunk at once
"""
