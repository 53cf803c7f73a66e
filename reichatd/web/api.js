// REST calls and their tokens.
//
// The refresh token is in localStorage, so that the user stays logged in when the browser is closed: this API has no cookies.
// A foreign script in this page could read it; the page's Content-Security-Policy admits none. The token ends at logout and when it
// expires. The access token, which is valid for minutes, stays in memory.
//
// The refresh token is not rotated (POST /refresh): a phone that falls asleep during the request would lose the answer, and count as a
// thief when it tries again.

import { ServerInfo } from "./server-info.js";
import { storage } from "./storage.js";
import { fieldProblemText, refusalText, texts } from "./texts.js";
import { storageKey, urlOf } from "./urls.js";

const TOKEN_KEY = storageKey("reichatd.refresh_token");
const REQUEST_MS = 20_000;

/** The server answered with an error. `errors` is [{field, problem}]. */
export class ServerRefused extends Error {
  constructor(status, body) {
    super(body.message === undefined ? texts.connection.status(status) : refusalText(body));
    this.status = status;
    this.code = body.code;
    this.errors = (body.errors ?? []).map((error) => ({ field: error.field, problem: fieldProblemText(error) }));
  }
}

/** The server did not answer. */
export class Unreachable extends Error {
  constructor() {
    super(texts.connection.unreachable);
  }
}

/**
 * Calls the server as the user who is logged in. Fires "signedout" when the login session has ended for any reason, and "elsewhere"
 * when another tab has logged in or out.
 */
export class Api extends EventTarget {
  /** What to tell the user at the next "signedout". */
  farewell = texts.connection.loggedOut;
  serverInfo = new ServerInfo((path) => request("GET", path));
  #access = null;
  #refresh = storage.get(TOKEN_KEY);
  #renewing = null;

  constructor() {
    super();
    window.addEventListener("storage", (event) => event.key === TOKEN_KEY && this.dispatchEvent(new Event("elsewhere")));
  }

  get signedIn() {
    return this.#refresh !== null;
  }

  /** A call that needs no login. Returns and throws as `call`. */
  ask(method, path, body) {
    return request(method, path, body);
  }

  /** totp: a code of the second factor; null if the user has none, or was not asked for it yet. */
  async logIn(email, password, totp = null) {
    this.#enter(await request("POST", "/login", totp === null ? { email, password } : { email, password, totp }));
  }

  /** Logs in with a code that the page got from a login at the provider. It is valid with a cookie of that login only. */
  async redeem(code, invite = null) {
    this.#enter(await request("POST", "/oidc/redeem", { code, invite }, { credentials: "same-origin" }));
  }

  #enter({ tokens }) {
    this.farewell = texts.connection.loggedOut;
    this.#access = tokens.access_token;
    this.#refresh = tokens.refresh_token;
    storage.set(TOKEN_KEY, this.#refresh);
  }

  /** Ends the login session at the server, if it can be reached, and deletes the tokens here in any case. farewell: as the property. */
  async logOut(farewell = "") {
    const token = this.#refresh;
    this.farewell = farewell;
    this.#forget();
    if (token !== null) await send("POST", "/logout", undefined, { token }).catch(() => {});
  }

  /** The body of the answer. options: as of `fetch`. Throws ServerRefused or Unreachable. */
  call(method, path, body, options = {}) {
    return this.#withToken((token) => request(method, path, body, { ...options, token }));
  }

  /** The body of the answer as a Blob, whose size is not limited, nor how long it takes. Throws as `call`. */
  download(path) {
    return this.#withToken(async (token) => {
      const response = await send("GET", path, undefined, { token, signal: null });
      await check(response);
      return response.blob().catch(() => Promise.reject(new Unreachable()));
    });
  }

  /** Makes a request with the access token; if that has expired, again with a new one. */
  async #withToken(act) {
    if (this.#access === null) await this.#renew();
    const used = this.#access;
    try {
      return await act(used);
    } catch (error) {
      if (error.status !== 401) throw error;
    }
    if (this.#access === used) await this.#renew();
    return act(this.#access);
  }

  /** Gets a new access token; concurrent callers share one request. */
  #renew() {
    this.#renewing ??= this.#fetchToken().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #fetchToken() {
    const token = this.#refresh;
    try {
      const { tokens } = await request("GET", "/refresh", undefined, { token });
      if (token === this.#refresh) this.#access = tokens.access_token;
    } catch (error) {
      if (error.status === 401) this.#forget();
      throw error;
    }
  }

  #forget() {
    if (this.#refresh === null) return;
    this.#access = this.#refresh = null;
    storage.remove(TOKEN_KEY);
    this.dispatchEvent(new Event("signedout"));
  }
}

async function request(method, path, body, options) {
  const response = await send(method, path, body, options);
  await check(response);
  return response.json().catch(() => ({}));
}

async function check(response) {
  if (!response.ok) throw new ServerRefused(response.status, await response.json().catch(() => ({})));
}

async function send(method, path, body, { token, ...options } = {}) {
  const headers = { Accept: "application/json" };
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(urlOf(path), {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(REQUEST_MS),
      ...options,
    });
  } catch {
    throw new Unreachable();
  }
}
