// Copies selected messages as text: author, time and content, without buttons and decoration.

/** Puts the selected messages on the clipboard as text. The browser handles a selection within one message. */
export function copyMessages(event, list) {
  const selection = document.getSelection();
  if (selection.isCollapsed || contentOf(selection.anchorNode) && contentOf(selection.anchorNode) === contentOf(selection.focusNode)) return;
  const range = selection.getRangeAt(0); // Firefox may have several ranges; they belong to one selection
  const rows = [...list.children].filter((row) => range.intersectsNode(row));
  const text = rows.map((row) => rowText(row, range)).filter((lines) => lines !== "").join("\n");
  if (text === "") return;
  event.clipboardData.setData("text/plain", text.trimStart());
  event.preventDefault();
}

/** The selected part of a row: "ada, 10:33", if the row has that line, and the text. */
function rowText(row, range) {
  const head = row.querySelector(".head");
  const content = row.querySelector(".content");
  const lines = [];
  if (head && range.intersectsNode(head)) lines.push("", `${head.querySelector(".author").textContent}, ${head.querySelector(".time").textContent}`);
  if (range.intersectsNode(content)) lines.push(selectedText(content, range));
  return lines.filter((line, index) => line !== "" || index === 0).join("\n");
}

function selectedText(content, range) {
  const part = document.createRange();
  part.selectNodeContents(content);
  if (range.compareBoundaryPoints(Range.START_TO_START, part) > 0) part.setStart(range.startContainer, range.startOffset);
  if (range.compareBoundaryPoints(Range.END_TO_END, part) < 0) part.setEnd(range.endContainer, range.endOffset);
  return part.toString();
}

function contentOf(node) {
  return (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest(".content");
}
