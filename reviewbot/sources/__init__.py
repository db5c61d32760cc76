"""Where reviews come from, apart from mails: the commits of a range, and what became of each remark."""
