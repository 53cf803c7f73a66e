// The browser's other tabs.

/** A channel to the other tabs; null if the browser isolates them, as Firefox does with cookies blocked. */
export function openChannel(name) {
  try {
    return new BroadcastChannel(name);
  } catch {
    return null;
  }
}
