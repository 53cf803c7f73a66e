// The icon of the tab, with a badge: a dot for unread messages, a number for those that are meant for the user.

import { iconUrl } from "./instance.js";

const PIXELS = 64; // twice what a tab shows
const RED = "#d13438"; // white text on it has a contrast of 4.9
const DOT = "•";
const MOST = 9; // two digits are not legible in a tab

const link = document.querySelector('link[rel="icon"]');
const drawn = new Map(); // data URLs by label
let label = ""; // of the badge to show
let loading = null; // a promise of the icon, once it is needed

/** Shows the badge for these counts, as soon as the icon is loaded. */
export async function setFavicon({ unread, calls }) {
  label = calls > 0 ? (calls > MOST ? `${MOST}+` : String(calls)) : unread > 0 ? DOT : "";
  const loaded = label === "" ? null : await (loading ??= loadedIcon());
  const url = label === "" ? iconUrl : badged(loaded); // the label may be another one by now
  if (link.href !== url) link.href = url;
}

async function loadedIcon() {
  const loaded = new Image(PIXELS, PIXELS);
  loaded.src = iconUrl;
  await loaded.decode().catch(() => {}); // without it, the badge is all
  return loaded;
}

/** The icon with the badge of the label, as a data URL. */
function badged(loaded) {
  if (!drawn.has(label)) drawn.set(label, draw(loaded));
  return drawn.get(label);
}

function draw(loaded) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = PIXELS;
  const context = canvas.getContext("2d");
  if (loaded.naturalWidth > 0) context.drawImage(loaded, 0, 0, PIXELS, PIXELS);
  const isDot = label === DOT;
  const radius = isDot ? 15 : 21;
  const [x, y] = [PIXELS - radius, isDot ? radius : PIXELS - radius];
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.globalCompositeOperation = "destination-out"; // a gap between the badge and the icon, on any colour of tabs
  context.lineWidth = 8;
  context.stroke();
  context.globalCompositeOperation = "source-over";
  context.fillStyle = RED;
  context.fill();
  if (!isDot) {
    context.fillStyle = "#fff";
    context.font = `bold ${label.length > 1 ? 27 : 34}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(label, x, y + 2);
  }
  try {
    return canvas.toDataURL();
  } catch {
    return iconUrl; // the logo has parts that some browsers let no page read
  }
}
