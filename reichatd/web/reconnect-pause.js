// How long a client waits before it connects again.

const LONGEST_WAIT_MS = 30_000;
const GOING_AWAY_MS = 5_000;
const GOING_AWAY = 1001;

/**
 * The pause before the next try, in milliseconds. It is random, so that clients do not reconnect all at once. A server that shuts
 * down has chosen a random pause for each client.
 *
 * The first argument says how the last connection ended; failures: how many before it could not be opened.
 */
export function pauseBefore({ code, reason = "" }, failures) {
  if (code === GOING_AWAY && failures === 0) {
    const given = /retry-after-ms=(\d+)/.exec(reason);
    return given ? Math.min(LONGEST_WAIT_MS, Number(given[1])) : Math.random() * GOING_AWAY_MS;
  }
  return Math.min(LONGEST_WAIT_MS, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);
}
