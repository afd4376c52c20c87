"""Benchmarks: ``python -m benchmarks --help`` from a checkout; README.md says what there is."""
