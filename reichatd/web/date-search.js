// Finds a message by its time in a log whose ids have no gap, with few requests.

const PROBES = 40; // in one request

/**
 * The id of the first message at or after this time, between the ids `first` and `end`; `end` if all are before it.
 *
 * peek: returns the messages with these ids, in any order; those that do not exist are left out. What it throws is thrown.
 */
export async function firstSince(time, first, end, peek) {
  let low = first;
  let high = end;
  while (low < high) {
    const probes = probesBetween(low, high);
    const messages = await peek(probes);
    const before = messages.filter((message) => new Date(message.timestamp) < time).map((message) => message.message_id);
    const since = messages.filter((message) => new Date(message.timestamp) >= time).map((message) => message.message_id);
    if (messages.length === 0) return high; // removed meanwhile
    low = Math.max(low, ...before.map((id) => id + 1));
    high = Math.min(high, ...since);
  }
  return low;
}

/** Ids from low to high - 1, about equally far from each other. */
function probesBetween(low, high) {
  const count = Math.min(PROBES, high - low);
  return Array.from({ length: count }, (_, index) => low + Math.floor((index * (high - low)) / count));
}
