"""The laboratory: data sets and a generator of clips, training, evaluation and ablations.

Serving needs none of it; `maskstream_model` and the server run where this package is not installed.
"""
