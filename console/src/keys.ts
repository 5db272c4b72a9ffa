// The keyboard: what is typed into a field stays there, the space bar on the desk is the push-to-talk key.

import { memberships, press, release, selected } from "./rtc/radio.ts";
import { conversation, hangUp, mute } from "./rtc/telephone.ts";
import { changeLanguage, changeTheme } from "./state/settings.ts";
import { groups, identity } from "./state/store.ts";
import { helpOpen, show, VIEWS, view } from "./state/view.ts";

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;

/** What a key does that is pressed outside of fields, without Alt or Ctrl. */
const COMMANDS: Record<string, () => void> = {
  "?": () => {
    helpOpen.value = !helpOpen.value;
  },
  "/": () => focusOn("#callee"),
  f: () => focusOn("#search"),
  t: changeTheme,
  l: changeLanguage,
  m: () => mute(!(conversation.value?.muted ?? true)),
  Escape: () => {
    if (helpOpen.value) helpOpen.value = false;
    else if (conversation.value) void hangUp();
  },
};

function focusOn(selector: string): void {
  if (view.value !== "desk") show("desk");
  window.setTimeout(() => document.querySelector<HTMLElement>(selector)?.focus());
}

/** Choose the nth talkgroup that this page is in, in the order they are shown. */
function chooseGroup(index: number): void {
  const inside = groups.value.filter((group) => memberships.value.has(group.number));
  const group = inside[index];
  if (group) selected.value = group.number;
}

function onDown(event: KeyboardEvent): void {
  if (identity.value === null) return;
  if (event.altKey && /^[0-9]$/.test(event.key)) {
    const name = VIEWS[(Number(event.key) + 9) % 10]; // the tenth is at 0
    if (name) {
      event.preventDefault();
      show(name);
    }
    return;
  }
  if (isTyping(event.target)) {
    if (event.key === "Escape") (event.target as HTMLElement).blur();
    return;
  }
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.code === "Space") {
    // The space bar would press a focused button as well; talking comes first while a talkgroup is selected.
    if (!selected.value) return;
    event.preventDefault();
    if (!event.repeat) void press();
  } else if (/^[1-9]$/.test(event.key)) {
    chooseGroup(Number(event.key) - 1);
  } else if (COMMANDS[event.key]) {
    event.preventDefault();
    COMMANDS[event.key]?.();
  }
}

function onUp(event: KeyboardEvent): void {
  if (event.code !== "Space") return;
  if (selected.value && !isTyping(event.target)) event.preventDefault();
  release();
}

export function openKeyboard(): void {
  document.addEventListener("keydown", onDown);
  document.addEventListener("keyup", onUp);
  // Whoever switches to another window has let go of the key.
  window.addEventListener("blur", release);
  document.addEventListener("visibilitychange", () => document.hidden && release());
}
