"""Posts the result of a review as checks of a Patchwork server."""
