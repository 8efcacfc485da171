"""From copies of clips to what a student learns about them.

`stages` asks foreign teachers, looks into the first own one and makes copies of clips without
labels (`unlabelled`); `answers` keeps what is said and shown; `sources` puts it together for a
training, and `lessons` leads from teachers over rounds to the student.
"""
