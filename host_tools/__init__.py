"""From generated C to a report: build, flash, link, validate. Never imports TensorFlow or training."""
