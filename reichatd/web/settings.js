// The view of the user's own settings. Each part has its own address: #/settings/security.

import { h, iconButton } from "./dom.js";
import { dataSections } from "./settings-data.js";
import { profileSections } from "./settings-profile.js";
import { programSections } from "./settings-programs.js";
import { securitySections } from "./settings-security.js";
import { placeOf, replacePlace } from "./urls.js";
import { providerProblem } from "./welcome-provider.js";

const PARTS = [
  ["profile", "Profile", profileSections],
  ["security", "Security", securitySections],
  ["programs", "Programs", programSections],
  ["data", "Data", dataSections],
];

/** The part that the URL names. The places #/oidc-linked and #/oidc-error/… are the way back from the provider. */
export function settingsView(home) {
  const [place, word] = placeOf();
  const outcome = place === "oidc-linked" ? "Now you can log in by the provider." : place === "oidc-error" ? providerProblem(word) : "";
  if (place !== "settings") replacePlace("#/settings/security");
  const wanted = place === "settings" ? word : "security";
  const [shown, , sections] = PARTS.find(([name]) => name === wanted) ?? PARTS[0];
  const parts = h("nav", { class: "parts", "aria-label": "Settings" },
    PARTS.map(([name, title]) => h("a", { href: `#/settings/${name}`, "aria-current": name === shown && "page" }, title)),
  );
  if (document.activeElement.closest(".parts")) queueMicrotask(() => parts.querySelector("[aria-current]").focus()); // the link that was used is replaced
  return h("div", { class: "page" },
    h("header", { class: "bar" }, iconButton("back", "Back to the rooms", () => home.leave(), { class: "icon-button only-narrow" }), h("h2", {}, "Settings")),
    parts,
    h("div", { class: "page-body settings" }, outcome && h("p", { class: "outcome", role: "status" }, outcome), sections(home)),
  );
}
