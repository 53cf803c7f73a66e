// Fields and texts of more than one screen before login.

import { h } from "./dom.js";
import { texts } from "./texts.js";

export const EMAIL = { name: "email", label: texts.welcome.email, type: "email", autocomplete: "email", inputmode: "email", spellcheck: "false", autocapitalize: "none" };

/** Says how a code arrives; changes when the server's answer is known. */
export function codeHint(serverInfo, byMail, byConsole) {
  const lead = h("span", {}, byMail);
  serverInfo.refresh().then(() => serverInfo.codeBy === "console" && (lead.textContent = byConsole));
  return lead;
}

/** A code as the server wants it: a pasted one may have spaces. */
export const withoutSpaces = (code) => code.replace(/\s/g, "");
