"""The agent itself, for whatever channel: agent file, prompts, model client, tools, language."""
