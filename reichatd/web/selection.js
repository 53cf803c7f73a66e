// What is copied out of a conversation: what people said, with who said it and when, and none of what only helps the eye.

/** Puts the selected messages on the clipboard as text. Leaves what lies within one text to the browser. */
export function copyMessages(event, list) {
  const selection = document.getSelection();
  if (selection.isCollapsed || contentOf(selection.anchorNode) && contentOf(selection.anchorNode) === contentOf(selection.focusNode)) return;
  const range = selection.getRangeAt(0); // only Firefox has more, one for each piece: they are all of one selection
  const rows = [...list.children].filter((row) => range.intersectsNode(row));
  const text = rows.map((row) => said(row, range)).filter((lines) => lines !== "").join("\n");
  if (text === "") return;
  event.clipboardData.setData("text/plain", text.trimStart());
  event.preventDefault();
}

/** What is selected of a row: "ada, 10:33", if that is shown above the text, and the text. */
function said(row, range) {
  const head = row.querySelector(".head");
  const content = row.querySelector(".content");
  const lines = [];
  if (head && range.intersectsNode(head)) lines.push("", `${head.querySelector(".author").textContent}, ${head.querySelector(".time").textContent}`);
  if (range.intersectsNode(content)) lines.push(common(content, range));
  return lines.filter((line, index) => line !== "" || index === 0).join("\n");
}

function common(content, range) {
  const part = document.createRange();
  part.selectNodeContents(content);
  if (range.compareBoundaryPoints(Range.START_TO_START, part) > 0) part.setStart(range.startContainer, range.startOffset);
  if (range.compareBoundaryPoints(Range.END_TO_END, part) < 0) part.setEnd(range.endContainer, range.endOffset);
  return part.toString();
}

function contentOf(node) {
  return (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest(".content");
}
