"""The REST door to Twilio Conversations, the live events of the console, and the one origin it is served from."""
