"""Journalled calls played again: the caller's side against today's code, and what has changed."""
