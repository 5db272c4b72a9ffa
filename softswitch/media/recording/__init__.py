"""Recording: what flows through ports, into files that can be played whatever happens; see docs/recording.md."""
