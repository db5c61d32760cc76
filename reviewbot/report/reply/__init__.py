"""The reply that a reviewer would send: header lines, quoted diff, remarks, as one mail."""
