// What the server says of itself before anyone has logged in: how long a message may be, and where verification codes appear.

const FRESH_MS = 10_000;
const NONCE = "0".repeat(32); // as long as those of the outbox

/** Fires "change" when the server has said something new. */
export class About extends EventTarget {
  /** "mail" or "console"; null as long as it is not known. */
  codeBy = null;
  #call;
  #limits = { message_chars: Infinity, frame_bytes: Infinity };
  #asked = null;
  #askedAt = 0;

  /** call: asks the server. */
  constructor(call) {
    super();
    this.#call = call;
  }

  /** Asks, unless the last answer is of this moment: a server's settings can change. Does not throw; without an answer all stays as it is. */
  ask() {
    if (this.#asked === null || performance.now() - this.#askedAt > FRESH_MS) {
      this.#askedAt = performance.now();
      this.#asked = this.#learn().catch(() => (this.#asked = null));
    }
    return this.#asked;
  }

  /** What the server would find wrong with the length of a message, as a sentence; "" if nothing, as far as it is known here. */
  problemOf(content) {
    const { message_chars: most, frame_bytes: mostBytes } = this.#limits;
    const characters = content.length - (content.match(/[\ud800-\udbff]/g) ?? []).length; // code points, as the server counts
    if (characters > most) return `Too long by ${counted(characters - most, "character")}. A message has at most ${most.toLocaleString("en")}.`;
    const frame = JSON.stringify({ type: "message", content, nonce: NONCE });
    const bytes = new TextEncoder().encode(frame).length;
    return bytes > mostBytes ? `Too big by ${counted(bytes - mostBytes, "byte")}.` : "";
  }

  async #learn() {
    const { limits, code_by: codeBy } = await this.#call();
    this.#limits = limits;
    this.codeBy = codeBy;
    this.dispatchEvent(new Event("change"));
  }
}

const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
