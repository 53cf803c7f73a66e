// Formats times in the user's locale and time zone.

import { language, locale, texts } from "./texts.js";

const HAS_AM_PM = new Intl.DateTimeFormat(locale, { hour: "numeric" }).resolvedOptions().hour12;
const clockFormat = new Intl.DateTimeFormat(locale, { hour: HAS_AM_PM ? "numeric" : "2-digit", minute: "2-digit" });
const fullFormat = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
const dateFormat = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const exactClockFormat = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
const agoFormat = new Intl.RelativeTimeFormat(language);
const UNITS = [["minute", 1, 60], ["hour", 60, 1440], ["day", 1440, 43_200]]; // the unit, its minutes, and up to where it is used
const NEAR_MS = 10 * 60_000;
const LENGTHS = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];
const durationFormats = new Map(LENGTHS.map(([unit]) => [unit, new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" })]));
const dayFormat = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const dayOfYearFormat = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

export const clock = (date) => clockFormat.format(date);

/** The time without "AM" or "PM", for narrow places near a full time. */
export const shortClock = (date) =>
  clockFormat.formatToParts(date).filter(({ type }) => type !== "dayPeriod").map(({ value }) => value).join("").trim();

export const full = (date) => fullFormat.format(date);

export const shortDate = (date) => dateFormat.format(date);

/** The time, and the date if it is not today. */
export const moment = (date) => onDay(date, clock);

/** The same for the end of a wait: with seconds if it is near. */
export const endTime = (date, now = new Date()) => onDay(date, date - now < NEAR_MS ? exactClockFormat.format : clock);

const onDay = (date, format) => (day(date) === day(new Date()) ? "" : `${shortDate(date)}, `) + format(date);

/** "30 seconds", "1 hour", "7 days": in the largest unit that fits. */
export function duration(seconds) {
  const [unit, length] = LENGTHS.find(([, each]) => seconds % each === 0) ?? LENGTHS.at(-1);
  return durationFormats.get(unit).format(seconds / length);
}

/** "now", "5 minutes ago", "3 days ago"; from a month on the date. */
export function ago(date, now = new Date()) {
  const minutes = Math.round((now - date) / 60_000);
  if (minutes < 1) return texts.time.now;
  const [unit, length] = UNITS.find(([, , end]) => minutes < end) ?? [];
  return unit === undefined ? texts.time.on(shortDate(date)) : agoFormat.format(-Math.round(minutes / length), unit);
}

/** The start of the day, so that two times of one day are equal. */
export const day = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** "Today", "Yesterday", "Monday, 3 August", with the year if it is not this one. */
export function dayName(date, now = new Date()) {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (day(date) === day(now)) return texts.time.today;
  if (day(date) === yesterday.getTime()) return texts.time.yesterday;
  return (date.getFullYear() === now.getFullYear() ? dayFormat : dayOfYearFormat).format(date);
}

/** Milliseconds until the next day. */
export function untilMidnight(now = new Date()) {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1) - now + 1000;
}
