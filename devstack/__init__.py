"""Stand-ins for servers that a customer already has: used by tests, the demo and benchmarks, never in production."""
