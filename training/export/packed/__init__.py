"""Weights stored in fewer bits than eight, and the kernels that take them."""
