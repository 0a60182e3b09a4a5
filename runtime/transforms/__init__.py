"""Transforms that are configured instead of written: docs/transforms.md has what they do.

They need the extra `transforms`; only `choice.py` is imported without it.

- `answers.py`: a reply of a model's outputs: labels, a vector, or the numbers themselves
- `choice.py`: which transform a model's settings ask for
- `class_names.py`: what a model's classes are called
- `image.py`: pictures as a model's row of pixels
- `picture.py`: a stranger's file as a picture, within bounds
- `row_shape.py`: the shape of rows that are all alike
- `text.py`: texts as rows of tokens
- `text_body.py`: what a request of texts says
"""
