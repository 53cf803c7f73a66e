// Which rows of a scroller are in sight. Rows are in their order, one below the other.

const ENOUGH_PX = 24; // of a row that is taller: its beginning can be read

/** The ids of the first and the last row that are in sight: {first, last}; null if none is. */
export function inSight(scroller, rows) {
  const top = scroller.scrollTop;
  const bottom = top + scroller.clientHeight;
  const first = firstBelow(rows, top);
  let last = rows.length - 1;
  while (last >= first && rows[last].offsetTop + Math.min(rows[last].offsetHeight, ENOUGH_PX) > bottom) last--;
  return last < first ? null : { first: idOf(rows[first]), last: idOf(rows[last]) };
}

/** The row below the first one in sight, which may change its height: what is before it shows in it. Null if there is none. */
export function firstUnmoved(scroller, rows) {
  const first = firstBelow(rows, scroller.scrollTop);
  return rows[first + 1] ?? rows[first] ?? null;
}

/** The index of the first row that ends below this height; of the last row if none does. */
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
