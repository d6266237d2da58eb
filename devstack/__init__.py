"""Stand-ins for what a customer has already: used by tests, the demo and benchmarks, never in production."""
