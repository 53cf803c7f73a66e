"""The manual: pages in Markdown, which become man pages and the text of `reichatd help`."""
