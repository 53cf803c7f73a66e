// The view of the user's own settings. Each part has its own address: #/settings/security.

import { h, iconButton } from "./dom.js";
import { dataSections } from "./settings-data.js";
import { notificationSections } from "./settings-notifications.js";
import { profileSections } from "./settings-profile.js";
import { programSections } from "./settings-programs.js";
import { securitySections } from "./settings-security.js";
import { texts } from "./texts.js";
import { placeOf, replacePlace } from "./urls.js";
import { providerProblem } from "./welcome-provider.js";

const PARTS = [
  ["profile", profileSections],
  ["security", securitySections],
  ["notifications", notificationSections],
  ["programs", programSections],
  ["data", dataSections],
];

/** The part that the URL names. The places #/oidc-linked and #/oidc-error/… are the way back from the provider. */
export function settingsView(home) {
  const [place, word] = placeOf();
  const outcome = place === "oidc-linked" ? texts.settings.linked : place === "oidc-error" ? providerProblem(word) : "";
  if (place !== "settings") replacePlace("#/settings/security");
  const wanted = place === "settings" ? word : "security";
  const [shown, sections] = PARTS.find(([name]) => name === wanted) ?? PARTS[0];
  const parts = h("nav", { class: "parts", "aria-label": texts.common.settings },
    PARTS.map(([name]) => h("a", { href: `#/settings/${name}`, "aria-current": name === shown && "page" }, texts.settings.parts[name])),
  );
  if (document.activeElement.closest(".parts")) queueMicrotask(() => parts.querySelector("[aria-current]").focus()); // the link that was used is replaced
  return h("div", { class: "page" },
    h("header", { class: "bar" }, iconButton("back", texts.common.backToRooms, () => home.leave(), { class: "icon-button only-narrow" }), h("h2", {}, texts.common.settings)),
    parts,
    h("div", { class: "page-body settings" }, outcome && h("p", { class: "outcome", role: "status" }, outcome), sections(home)),
  );
}
