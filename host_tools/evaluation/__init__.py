"""Evaluation that foretells the room, by the scores of the deployed int8 C code."""

DOCUMENT_NAME = "evaluation.json"
"""What an evaluation leaves, and a report reads."""
