"""Random changes that make a few recordings stand for many rooms, voices and distances.

What is drawn (`draws`) is apart from what is done with it (`waveform`, `vocal_tract`, `mixes`), and
everything works on whole batches in which each clip has values of its own. What the clips are mixed
with is gathered once (`surroundings`). `python -m training.audio.augment` measures the speed of
each change on this machine.
"""
