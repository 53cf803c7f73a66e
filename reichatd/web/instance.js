// What the page says about this instance: its name, and its logo if it has one of its own.

import { h } from "./dom.js";

const icon = document.querySelector('link[rel="icon"]');
const touchIcon = document.querySelector('link[rel="apple-touch-icon"]');

export const instanceName = document.querySelector('meta[name="application-name"]').content;

/** The URL of the icon, and of one that is no SVG if there is one. */
export const iconUrl = icon.href;
export const imageUrl = (touchIcon ?? icon).href;

/** The name, after the logo if the instance has one. */
export const brand = () => h("p", { class: "brand" }, "logo" in icon.dataset && h("img", { src: iconUrl, alt: "" }), h("bdi", {}, instanceName));
