//! Traffic and capture generators for tests and benchmarks.
