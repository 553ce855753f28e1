"""What at least two services need: configuration, records, journal, signatures, operators, telemetry."""
