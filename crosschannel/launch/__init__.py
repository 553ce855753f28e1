"""The launcher behind `crosschannel up`: processes, their output, their restarts and their end."""
