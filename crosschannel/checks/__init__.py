"""What `crosschannel doctor` looks at; every check gives findings, none raises or changes anything."""
