"""What a board's own microphone hears: recorded, measured, and compared with training data."""
