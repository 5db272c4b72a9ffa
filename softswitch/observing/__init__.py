"""What watches the running switch: metrics, how calls sound, media workers, which call a log line belongs to."""
