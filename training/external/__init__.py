"""Teachers that were trained elsewhere: `.tflite`, SavedModel and ONNX files with their labels.

`formats` runs the three kinds of file alike, `labels` brings their classes into the order of the
recipe's, and `teacher` puts features or samples in and gets logits out.
"""

from training.external.labels import ClassMap
from training.external.teacher import ExternalTeacher, file_hash, load_teacher

__all__ = ["ClassMap", "ExternalTeacher", "file_hash", "load_teacher"]
