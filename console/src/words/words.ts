// Words in the language that was chosen. Reading one inside a component makes it follow a change of the language.

import { language } from "../state/settings.ts";
import { en, type Word } from "./en.ts";
import { zh } from "./zh.ts";

export type { Word } from "./en.ts";

export function say(word: Word): string {
  return (language.value === "zh" ? zh : en)[word];
}

/** The word for something that the switch names; its own name when there is no word for it. */
export function sayOr(word: string, otherwise = word): string {
  return word in en ? say(word as Word) : otherwise;
}
