"""Real boards: what is plugged in, whether it may be used, and how firmware is written to it."""
