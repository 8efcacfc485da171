"""Evaluation that foretells the room, by the scores of the deployed int8 C code."""
