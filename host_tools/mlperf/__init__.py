"""MLPerf Tiny's benchmark of keyword spotting, without its runner: docs/mlperf.md."""
