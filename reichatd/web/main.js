// Where it begins: whoever is logged in sees the rooms, everybody else the way in.

import { Api } from "./api.js";
import { Home } from "./home.js";
import { welcome } from "./welcome.js";

const RETRY_MS = 3_000;

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
  const main = document.createElement("main");
  main.className = "welcome";
  main.setAttribute("role", "status");
  main.append(`${error.message} Trying again …`);
  return main;
}

function leave(notice) {
  home?.stop();
  home = null;
  document.querySelectorAll("dialog").forEach((dialog) => dialog.remove());
  app.replaceChildren(welcome(api, enter, notice));
}

api.addEventListener("signedout", () => leave(home?.leaving ? "" : "You have been logged out."));
if (api.signedIn) enter();
else leave("");
