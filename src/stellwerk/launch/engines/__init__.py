"""The places where a job can be started, one folder each with the same file names."""
