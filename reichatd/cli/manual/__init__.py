"""The manual: pages in Markdown, from which the man pages and `reichatd help` are made."""
