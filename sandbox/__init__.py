"""A Twilio, OpenAI and Segment account on your own machine: real servers on loopback, and a simulated phone."""
