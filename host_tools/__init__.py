"""From generated C to a report: build, flash, link, validate. Without TensorFlow or training."""
