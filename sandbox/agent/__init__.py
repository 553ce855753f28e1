"""The scripted agent behind the sandbox's model endpoint: deterministic, in three languages."""
