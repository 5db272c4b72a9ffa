// Which view is shown; it stands in the address, so that a reload and the back key keep it.

import { computed, signal } from "@preact/signals";

export const VIEWS = [
  "desk",
  "conferences",
  "queues",
  "map",
  "cameras",
  "alarms",
  "recordings",
  "messages",
  "records",
  "system",
] as const;
export type View = (typeof VIEWS)[number];

const hash = signal(location.hash);
window.addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export const view = computed<View>(() => VIEWS.find((name) => hash.value === `#${name}`) ?? "desk");
export const helpOpen = signal(false);

export function show(name: View): void {
  location.hash = name;
}
