// Changes the text of an input so that the user can undo them.

/** Replaces a part of the input's text and selects a part of the result, by default its end. Fires "input". */
export function replaceText(field, start, end, text, selection = [start + text.length, start + text.length]) {
  field.focus();
  field.setSelectionRange(start, end);
  // Only this command keeps the browser's undo; it has no successor. False: this browser has none for inputs.
  const isDone = text === "" ? document.execCommand("delete") : document.execCommand("insertText", false, text);
  if (!isDone && start + text.length !== end) {
    field.setRangeText(text, start, end);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  field.setSelectionRange(...selection);
}

/** Puts a mark before and behind the selected text, or takes it away. */
export function toggleMark(field, mark) {
  const { value } = field;
  let { selectionStart: start, selectionEnd: end } = field;
  while (start < end && /\s/.test(value[start])) start++; // a mark must touch the text
  while (start < end && /\s/.test(value[end - 1])) end--;
  const text = value.slice(start, end);
  const { length } = mark;
  const isAround = value.slice(Math.max(0, start - length), start) === mark && value.slice(end, end + length) === mark;
  const isWithin = text.length > 2 * length && text.startsWith(mark) && text.endsWith(mark);
  if (isAround) replaceText(field, start - length, end + length, text, [start - length, end - length]);
  else if (isWithin) replaceText(field, start, end, text.slice(length, -length), [start, end - 2 * length]);
  else replaceText(field, start, end, mark + text + mark, [start + length, end + length]);
}

/** Puts this before each selected line, or takes it away from all of them. */
export function togglePrefix(field, prefix) {
  const { value, selectionStart, selectionEnd } = field;
  const start = value.lastIndexOf("\n", selectionStart - 1) + 1;
  const next = value.indexOf("\n", Math.max(start, selectionEnd));
  const end = next < 0 ? value.length : next;
  const lines = value.slice(start, end).split("\n");
  const isSet = lines.every((line) => line.startsWith(prefix));
  const text = lines.map((line) => (isSet ? line.slice(prefix.length) : prefix + line)).join("\n");
  const behind = start + text.length;
  const caret = Math.max(start, selectionEnd + (isSet ? -prefix.length : prefix.length));
  replaceText(field, start, end, text, selectionStart === selectionEnd ? [caret, caret] : [start, behind]);
}

/** Makes code of the selected text: a block if it has several lines. */
export function toggleCode(field) {
  const { value, selectionStart: start, selectionEnd: end } = field;
  const text = value.slice(start, end);
  if (!text.includes("\n")) {
    toggleMark(field, "`");
    return;
  }
  const before = start > 0 && value[start - 1] !== "\n" ? "\n```\n" : "```\n";
  const behind = `${text.endsWith("\n") ? "" : "\n"}\`\`\`${value[end] === "\n" || end === value.length ? "" : "\n"}`;
  replaceText(field, start, end, before + text + behind, [start + before.length, start + before.length + text.length]);
}

/** Makes a link of the selected text, and selects the part that is still to be written. */
export function insertLink(field, isAddress) {
  const { value, selectionStart: start, selectionEnd: end } = field;
  const text = value.slice(start, end).trim();
  if (isAddress(text)) replaceText(field, start, end, `[](${text})`, [start + 1, start + 1]);
  else if (text === "") replaceText(field, start, end, "[](https://)", [start + 1, start + 1]);
  else replaceText(field, start, end, `[${text}](https://)`, [start + text.length + 3, start + text.length + 11]);
}
