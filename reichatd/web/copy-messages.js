// Copies selected messages as text: author, time and content, without buttons and decoration.

/**
 * Puts the selected messages on the clipboard as text. The browser handles a selection within one message.
 *
 * contentOf: the text of a message as it was written, by its id.
 */
export function copyMessages(event, list, contentOf) {
  const selection = document.getSelection();
  if (selection.isCollapsed || contentAround(selection.anchorNode) && contentAround(selection.anchorNode) === contentAround(selection.focusNode)) return;
  const range = selection.getRangeAt(0); // Firefox may have several ranges; they belong to one selection
  const rows = [...list.children].filter((row) => range.intersectsNode(row));
  const text = rows.map((row) => rowText(row, range, contentOf)).filter((lines) => lines !== "").join("\n");
  if (text === "") return;
  event.clipboardData.setData("text/plain", text.trimStart());
  event.preventDefault();
}

/** The selected part of a row: "ada, 10:33", if the row has that line, and the text. */
function rowText(row, range, contentOf) {
  const head = row.querySelector(".head");
  const content = row.querySelector(".content");
  const lines = [];
  if (head && range.intersectsNode(head)) lines.push("", `${head.querySelector(".author").textContent}, ${head.querySelector(".time").textContent}`);
  if (range.intersectsNode(content)) lines.push(selectedText(content, range) ?? contentOf(Number(row.dataset.id)) ?? content.textContent);
  return lines.filter((line, index) => line !== "" || index === 0).join("\n");
}

/** The selected part of a text; null if the whole text is selected. */
function selectedText(content, range) {
  const part = document.createRange();
  part.selectNodeContents(content);
  const beginsInside = range.compareBoundaryPoints(Range.START_TO_START, part) > 0;
  const endsInside = range.compareBoundaryPoints(Range.END_TO_END, part) < 0;
  if (beginsInside) part.setStart(range.startContainer, range.startOffset);
  if (endsInside) part.setEnd(range.endContainer, range.endOffset);
  return beginsInside || endsInside ? part.toString() : null;
}

function contentAround(node) {
  return (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest(".content");
}
