"""From recordings to generated C: data, front-end, teacher, student, compression, export."""
