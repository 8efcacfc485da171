"""The device twin: where a board and the same C on this computer part, and why that may be."""
