// The start of the client: shows the rooms to a user who is logged in, else the login form.

import { Api } from "./api.js";
import { h } from "./dom.js";
import { UNSENT_PREFIX } from "./drafts.js";
import { Home } from "./home.js";
import { storage } from "./storage.js";
import { texts } from "./texts.js";
import { isForWelcome, welcome } from "./welcome.js";

const RETRY_MS = 3_000;
const STORAGE_PROBLEMS = { blocked: texts.page.storageBlocked, full: texts.page.storageFull };

const api = new Api();
const app = document.getElementById("app");
let home = null;

async function showHome() {
  for (;;) {
    try {
      const me = await api.call("GET", "/user");
      home = new Home(api, { userId: me.user_id, ...me.user_details });
      app.replaceChildren(home.element);
      home.start();
      return;
    } catch (error) {
      if (!api.signedIn) return; // "signedout" was fired
      app.replaceChildren(retryMessage(error));
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function retryMessage(error) {
  return h("main", { class: "welcome", role: "status" }, texts.page.tryingAgain(error.message));
}

function showStorageProblem() {
  notice.textContent = STORAGE_PROBLEMS[storage.problem] ?? "";
  notice.hidden = storage.problem === "";
}

function showWelcome(notice) {
  home?.stop();
  home = null;
  document.querySelectorAll("dialog").forEach((dialog) => dialog.remove());
  app.replaceChildren(welcome(api, showHome, notice));
}

/** Asks for confirmation if closing the page would lose unsent text, or delay it. */
function confirmClose(event) {
  if (home?.rooms.hasUnsent || storage.isInMemory(UNSENT_PREFIX)) event.preventDefault();
}

function start() {
  if (api.signedIn && !isForWelcome()) showHome();
  else showWelcome("");
}

api.addEventListener("signedout", () => showWelcome(api.farewell));
api.addEventListener("elsewhere", () => {
  home?.stop();
  home = null;
  location.reload();
});
window.addEventListener("beforeunload", confirmClose);
window.addEventListener("hashchange", () => (!api.signedIn || isForWelcome()) && showWelcome("")); // a link from a mail, opened in this tab

const notice = h("p", { id: "notice", class: "status", role: "status" });
document.body.prepend(notice);
storage.addEventListener("change", showStorageProblem);
showStorageProblem();

for (const key of storage.keys("reichatd.banned.")) storage.remove(key); // stored by an earlier version; now the server lists bans

start();
