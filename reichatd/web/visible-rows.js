// Finds the visible rows of a scroller. Rows are in order, one below the other.

const READABLE_PX = 24; // a taller row counts as visible when this much of its beginning is

/** The ids of the first and the last visible row: {first, last}; null if none is visible. */
export function visibleRange(scroller, rows) {
  const top = scroller.scrollTop;
  const bottom = top + scroller.clientHeight;
  const first = firstBelow(rows, top);
  let last = rows.length - 1;
  while (last >= first && rows[last].offsetTop + Math.min(rows[last].offsetHeight, READABLE_PX) > bottom) last--;
  return last < first ? null : { first: idOf(rows[first]), last: idOf(rows[last]) };
}

/**
 * The row by which to keep the scroll position: the one below the first visible row, whose own height depends on the row before it.
 * Null if there are no rows.
 */
export function anchorRow(scroller, rows) {
  const first = firstBelow(rows, scroller.scrollTop);
  return rows[first + 1] ?? rows[first] ?? null;
}

/** The index of the first row that ends below this offset; of the last row if none does. */
function firstBelow(rows, top) {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].offsetTop + rows[middle].offsetHeight > top) high = middle;
    else low = middle + 1;
  }
  return low;
}

const idOf = (row) => Number(row.dataset.id);
