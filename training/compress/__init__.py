"""Techniques that make a trained model smaller or integer; one a file."""
