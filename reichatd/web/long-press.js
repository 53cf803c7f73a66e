// Long presses on a touch screen.

const PRESS_MS = 500;
const MOVED_PX = 10;

/** Calls this with the element that is pressed long. On screens where the browser has an own menu for it, ours takes its place. */
export function onLongPress(element, act) {
  let press = null; // {x, y, timer}
  const end = () => {
    clearTimeout(press?.timer);
    press = null;
  };
  element.addEventListener("pointerdown", ({ pointerType, isPrimary, target, clientX: x, clientY: y }) => {
    end();
    if (pointerType !== "touch" || !isPrimary) return;
    press = { x, y, timer: setTimeout(() => { end(); act(target); }, PRESS_MS) };
  });
  element.addEventListener("pointermove", ({ clientX, clientY }) => press && Math.hypot(clientX - press.x, clientY - press.y) > MOVED_PX && end());
  for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, end);
  element.addEventListener("contextmenu", (event) => {
    if (event.pointerType !== "touch" || event.target.closest("a")) return; // the browser's menu of a link stays
    event.preventDefault();
    if (press === null) return; // it was shown already
    end();
    act(event.target);
  });
}
