// What the server tells a client before login: how long a message may be, where verification codes appear, who may register (GET
// /about), and by which provider people log in (GET /oidc).

import { texts } from "./texts.js";

const FRESH_MS = 10_000;
const NONCE = "0".repeat(32); // as long as those of the outbox

/** Fires "change" when a new answer of the server has arrived. */
export class ServerInfo extends EventTarget {
  /** "mail" or "console"; null until it is known. */
  codeBy = null;
  /** "open", "invite" or "closed"; "open" until it is known. */
  registration = "open";
  #call;
  #limits = { message_chars: Infinity, frame_bytes: Infinity };
  #request = null;
  #requestedAt = 0;
  #provider = null;

  /** call: makes a GET request. */
  constructor(call) {
    super();
    this.#call = call;
  }

  /** Asks the server, unless the last request is recent: its settings can change. Does not throw; without an answer nothing changes. */
  refresh() {
    if (this.#request === null || performance.now() - this.#requestedAt > FRESH_MS) {
      this.#requestedAt = performance.now();
      this.#request = this.#fetch().catch(() => (this.#request = null));
    }
    return this.#request;
  }

  /** The provider by which people can log in: {name, button}, whose name is "" if there is none. Throws ServerRefused or Unreachable. */
  provider() {
    this.#provider ??= this.#call("/oidc");
    this.#provider.catch(() => (this.#provider = null));
    return this.#provider;
  }

  /** A sentence that says by how much a message is too long; "" if it is not, or the limits are not known. */
  lengthProblem(content) {
    const { message_chars: most, frame_bytes: mostBytes } = this.#limits;
    const characters = content.length - (content.match(/[\ud800-\udbff]/g) ?? []).length; // code points, as the server counts
    if (characters > most) return texts.writing.tooLong(characters - most, most);
    const frame = JSON.stringify({ type: "message", content, nonce: NONCE });
    const bytes = new TextEncoder().encode(frame).length;
    return bytes > mostBytes ? texts.writing.tooBig(bytes - mostBytes) : "";
  }

  async #fetch() {
    const { limits, code_by: codeBy, registration } = await this.#call("/about");
    this.#limits = limits;
    this.codeBy = codeBy;
    this.registration = registration;
    this.dispatchEvent(new Event("change"));
  }
}
