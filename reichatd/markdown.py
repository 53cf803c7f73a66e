"""Parses and renders Markdown (CommonMark): the manual and the guide for client authors. Only this module imports markdown_it."""

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode as Node

__all__ = ["Node", "html", "parsed"]


def parsed(text: str) -> Node:
    """The syntax tree of a document, with tables."""
    return Node(_parser().parse(text))


def html(node: Node) -> str:
    """The HTML of a node. HTML in the document's text is escaped."""
    parser = _parser()
    return str(parser.renderer.render(node.to_tokens(), parser.options, {}))


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")
