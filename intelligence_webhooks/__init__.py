"""Twilio Intelligence reports come in and are never lost: received, made durable, resolved into results."""
