// URLs of the server. They are relative to this page, which a proxy may serve below a path (https://example.org/chat/).

const base = new URL(".", document.baseURI);

/** The URL of a path of the server. */
export const urlOf = (path) => new URL(path.replace(/^\//, ""), base);

/** The same for a WebSocket. */
export function webSocketUrlOf(path) {
  const url = urlOf(path);
  url.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

/** The URL of this page with a fragment (#/…), for links that people share. */
export const pageUrlOf = (hash) => new URL(hash, base).href;

/** A key of localStorage. All paths of a host share it: servers at different paths need different keys. */
export const storageKey = (name) => (base.pathname === "/" ? name : `${name}@${base.pathname}`);

/** The path of a call about a room, from parts of any text: pathOfRoom("lounge", "kick", userId). */
export const pathOfRoom = (...parts) => ["/room", ...parts.map(encodeURIComponent)].join("/");

/** The parts of this page's fragment, decoded: ["room", "lounge", "7"] of #/room/lounge/7. */
export const placeOf = () => location.hash.split("/").slice(1).map(decode);

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Replaces the fragment and leaves no entry in the history: for places that are over, and for secrets. */
export const replacePlace = (hash) => history.replaceState(null, "", hash);

/** The fragment of a room's page, at a message if one is named. */
export const roomPlace = (roomId, messageId = null) => `#/room/${encodeURIComponent(roomId)}${messageId === null ? "" : `/${messageId}`}`;
