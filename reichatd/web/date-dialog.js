// Goes to the messages of a day.

import { firstSince } from "./date-search.js";
import { form, openDialog } from "./forms.js";
import { texts } from "./texts.js";

/** Asks for a day. onfound: gets the id of its first message; of the next one if it has none. */
export function dateDialog(conversation, onfound) {
  const { log } = conversation;
  openDialog(texts.goToDate.title, (close) => form({
    fields: [{ name: "date", label: texts.goToDate.date, type: "date", max: isoDate(new Date()), value: isoDate(new Date()), hint: texts.goToDate.hint }],
    submit: texts.goToDate.submit,
    async onsubmit({ date }) {
      if (date === "" || log.end < log.first) return;
      const id = await firstSince(new Date(`${date}T00:00`), log.first, log.end, (ids) => conversation.peek(ids)); // the user's midnight
      close();
      onfound(id);
    },
  }));
}

const isoDate = (date) => [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
