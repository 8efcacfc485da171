"""Layers with one output position, as streaming models have them, on every kind of core."""
