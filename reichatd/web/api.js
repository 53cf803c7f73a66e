// REST, and the tokens that it takes.
//
// The refresh token lies in localStorage, so that one stays logged in when the browser is closed: there are no cookies in this API.
// A script of somebody else's in this page could read it there; the page's Content-Security-Policy lets none in, logging out ends
// the token at the server, and so does its age. The access token, which lives for minutes, stays in memory.

import { About } from "./about.js";
import { addressOf, storageKey } from "./address.js";
import { kept } from "./kept.js";

const KEPT = storageKey("reichatd.refresh_token");
const REQUEST_MS = 20_000;

/** The server has answered, and the answer is no. `errors` is [{field, problem}]. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.message ?? `The server answered with status ${status}`);
    this.status = status;
    this.code = body.code;
    this.errors = body.errors ?? [];
  }
}

/** The server did not answer. */
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached. Is the network there?");
  }
}

/**
 * Calls the server for the person who is logged in. Fires "signedout" when that is over, however it ended, and "elsewhere" when
 * another tab has logged in or out.
 */
export class Api extends EventTarget {
  about = new About(() => accepted("GET", "/about"));
  #access = null;
  #refresh = kept.get(KEPT);
  #renewing = null;

  constructor() {
    super();
    window.addEventListener("storage", (event) => event.key === KEPT && this.dispatchEvent(new Event("elsewhere")));
  }

  get signedIn() {
    return this.#refresh !== null;
  }

  register(email, password, username) {
    return accepted("POST", "/register", { email, password, username });
  }

  verify(email, code) {
    return accepted("POST", "/verify", { email, code });
  }

  async logIn(email, password) {
    const { tokens } = await accepted("POST", "/login", { email, password });
    this.#access = tokens.access_token;
    this.#refresh = tokens.refresh_token;
    kept.set(KEPT, this.#refresh);
  }

  /** Ends the login session at the server, as far as it can be reached, and forgets it here in any case. */
  async logOut() {
    const token = this.#refresh;
    this.#forget();
    if (token !== null) await answered("POST", "/logout", undefined, token).catch(() => {});
  }

  /** The body of the answer. Throws Refused or Unreachable. */
  async call(method, path, body) {
    if (this.#access === null) await this.#renew();
    const used = this.#access;
    try {
      return await accepted(method, path, body, used);
    } catch (error) {
      if (error.status !== 401) throw error;
    }
    if (this.#access === used) await this.#renew();
    return accepted(method, path, body, this.#access);
  }

  /** Gets a new access token; all who need one at a time share one request. */
  #renew() {
    this.#renewing ??= this.#askForToken().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #askForToken() {
    const token = this.#refresh;
    try {
      const { tokens } = await accepted("GET", "/refresh", undefined, token);
      if (token === this.#refresh) this.#access = tokens.access_token;
    } catch (error) {
      if (error.status === 401) this.#forget();
      throw error;
    }
  }

  #forget() {
    if (this.#refresh === null) return;
    this.#access = this.#refresh = null;
    kept.remove(KEPT);
    this.dispatchEvent(new Event("signedout"));
  }
}

async function accepted(method, path, body, token) {
  const response = await answered(method, path, body, token);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

async function answered(method, path, body, token) {
  const headers = { Accept: "application/json" };
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(addressOf(path), {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(REQUEST_MS),
    });
  } catch {
    throw new Unreachable();
  }
}
