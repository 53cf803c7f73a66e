// Names and addresses of users, by user id; cached for a minute.

const FRESH_MS = 60_000;

export class Users {
  #api;
  #cached = new Map();

  constructor(api) {
    this.#api = api;
  }

  /** {username, email} of a user; null if there is no such user. Throws ServerRefused or Unreachable. */
  get(userId) {
    const cached = this.#cached.get(userId);
    if (cached && Date.now() - cached.at < FRESH_MS) return cached.user;
    const user = this.#fetch(userId);
    this.#cached.set(userId, { user, at: Date.now() });
    user.catch(() => this.#cached.delete(userId));
    return user;
  }

  /** The user has changed: what is known is out of date. */
  forget(userId) {
    this.#cached.delete(userId);
  }

  async #fetch(userId) {
    try {
      return (await this.#api.call("GET", `/user/${encodeURIComponent(userId)}`)).user_details;
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }
}
