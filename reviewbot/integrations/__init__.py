"""Programs that reviewbot works beside: b4, Patchwork, editors."""
