"""Operators: templated arguments in, one service call, a small result out.

Never more than that: what a task does is in `services`.
"""
