// Where it begins: whoever is logged in sees the rooms, everybody else the way in.

import { Api } from "./api.js";
import { h } from "./dom.js";
import { Home } from "./home.js";
import { kept } from "./kept.js";
import { UNSENT } from "./unsent.js";
import { welcome } from "./welcome.js";

const RETRY_MS = 3_000;
const TROUBLE = {
  blocked: "This browser keeps nothing for this page; perhaps it blocks cookies. Your login and unsent text last only until you close it.",
  full: "This browser has no room left for this page. Your login and unsent text may last only until you close it.",
};

const api = new Api();
const app = document.getElementById("app");
let home = null;

async function enter() {
  for (;;) {
    try {
      const me = await api.call("GET", "/user");
      home = new Home(api, { userId: me.user_id, ...me.user_details });
      app.replaceChildren(home.element);
      home.start();
      return;
    } catch (error) {
      if (!api.signedIn) return; // "signedout" was fired
      app.replaceChildren(waitingFor(error));
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function waitingFor(error) {
  return h("main", { class: "welcome", role: "status" }, `${error.message} Trying again …`);
}

function tellTrouble() {
  notice.textContent = TROUBLE[kept.trouble] ?? "";
  notice.hidden = kept.trouble === "";
}

function leave(notice) {
  home?.stop();
  home = null;
  document.querySelectorAll("dialog").forEach((dialog) => dialog.remove());
  app.replaceChildren(welcome(api, enter, notice));
}

/** What would be lost with the page, or has to wait until there is a page again. */
function keepsWaiting(event) {
  if (home?.rooms.hasUnsent || kept.isInMemory(UNSENT)) event.preventDefault();
}

api.addEventListener("signedout", () => leave(home?.leaving ? "" : "You have been logged out."));
api.addEventListener("elsewhere", () => {
  home?.stop();
  home = null;
  location.reload();
});
window.addEventListener("beforeunload", keepsWaiting);

const notice = h("p", { id: "notice", class: "status", role: "status" });
document.body.prepend(notice);
kept.addEventListener("change", tellTrouble);
tellTrouble();

for (const key of kept.keys("reichatd.banned.")) kept.remove(key); // of an earlier version; the server knows who is banned

if (api.signedIn) enter();
else leave("");
