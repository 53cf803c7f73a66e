// Who is who, by user id. Each is asked for once in a while.

const FRESH_MS = 60_000;

export class People {
  #api;
  #known = new Map();

  constructor(api) {
    this.#api = api;
  }

  /** {username, email} of a user; null if there is no such user. Throws Refused or Unreachable. */
  get(userId) {
    const known = this.#known.get(userId);
    if (known && Date.now() - known.at < FRESH_MS) return known.person;
    const person = this.#ask(userId);
    this.#known.set(userId, { person, at: Date.now() });
    person.catch(() => this.#known.delete(userId));
    return person;
  }

  async #ask(userId) {
    try {
      return (await this.#api.call("GET", `/user/${encodeURIComponent(userId)}`)).user_details;
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }
}
