"""Files on disk, read and written so that nothing is lost, followed or waited for without an end."""
