"""A phone call comes in through Twilio ConversationRelay and speaks with a model."""
