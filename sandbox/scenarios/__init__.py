"""Simulated callers: what they do is a script or a persona, and what is expected of the agent is judged."""
