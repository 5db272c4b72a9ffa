// What a dispatcher has chosen on this machine; nothing of it is secret.

import { type Signal, signal } from "@preact/signals";

export type Language = "en" | "zh";
export type Theme = "auto" | "light" | "dark";

function kept<T extends string>(key: string, initial: T, allowed?: readonly T[]): Signal<T> {
  const found = localStorage.getItem(key) as T | null;
  const value = signal(found !== null && (!allowed || allowed.includes(found)) ? found : initial);
  value.subscribe((text) => localStorage.setItem(key, text));
  return value;
}

export const THEMES = ["auto", "dark", "light"] as const;

export const language = kept<Language>("language", navigator.language.startsWith("zh") ? "zh" : "en", ["en", "zh"]);
export const theme = kept<Theme>("theme", "auto", THEMES);
/** The subscriber that this browser is: whose calls it takes and in whose name it calls. */
export const ownNumber = kept<string>("own_number", "");
/** Whether the browser cleans the microphone's sound (echo, noise, level). */
export const cleanMicrophone = kept<"yes" | "no">("clean_microphone", "yes", ["yes", "no"]);
/** Talkgroups to enter after logging in, separated by spaces. */
export const keptGroups = kept<string>("groups", "");

export function changeTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "auto";
}

export function changeLanguage(): void {
  language.value = language.value === "en" ? "zh" : "en";
}

/** `auto` follows what the system says, also when it changes in the evening. */
const night = window.matchMedia("(prefers-color-scheme: dark)");
function dress(): void {
  const chosen = theme.value === "auto" ? (night.matches ? "dark" : "light") : theme.value;
  document.documentElement.dataset.theme = chosen;
}
theme.subscribe(dress);
night.addEventListener("change", dress);
language.subscribe((name) => {
  document.documentElement.lang = name === "zh" ? "zh-CN" : "en";
});
