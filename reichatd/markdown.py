"""Markdown (CommonMark), in which the manual and the guide for client authors are written."""

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode as Node

__all__ = ["Node", "html", "parsed"]


def parsed(text: str) -> Node:
    """The syntax tree of a document, with tables."""
    return Node(_parser().parse(text))


def html(node: Node) -> str:
    """A node as HTML. Markup in the document's text is shown as text."""
    parser = _parser()
    return str(parser.renderer.render(node.to_tokens(), parser.options, {}))


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")
