// Where the server is: beside this page, which a proxy may have put below a path of its host (https://example.org/chat/).

const base = new URL(".", document.baseURI);

/** The address of a path of the server. */
export const addressOf = (path) => new URL(path.replace(/^\//, ""), base);

/** The same for a WebSocket. */
export function socketAddressOf(path) {
  const address = addressOf(path);
  address.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  return address;
}

/** The address of this page, as one passes it on, with a place in it (#/…). */
export const pageAddressOf = (hash) => new URL(hash, base).href;

/** A key of the browser's storage, which all paths of a host share: another server at another path has other keys. */
export const storageKey = (name) => (base.pathname === "/" ? name : `${name}@${base.pathname}`);
