// What the console knows, brought up to date by the stream of events: an event says what to ask for again, and many
// events within a moment become one request.

import { computed, signal } from "@preact/signals";
import { currentToken, get, list, Refused, setToken } from "../api/client.ts";
import { learnOperations, offers } from "../api/offered.ts";
import { follow } from "../api/stream.ts";
import type {
  Call,
  Conference,
  DirectoryEntry,
  Group,
  Health,
  Identity,
  StreamEvent,
  Subscriber,
} from "../api/types.ts";
import { say } from "../words/words.ts";
import { ownNumber } from "./settings.ts";

const MOST_EVENTS = 300;
const PAST_EVENTS = 50;
const HEALTH_EVERY_MS = 5000;

export const identity = signal<Identity | null>(null);
export const connected = signal(false);
export const health = signal<Health | null>(null);
export const calls = signal<Call[]>([]);
export const groups = signal<Group[]>([]);
export const conferences = signal<Conference[]>([]);
export const directory = signal<DirectoryEntry[]>([]);
export const subscribers = signal<Subscriber[]>([]);
export const events = signal<StreamEvent[]>([]);
export const notice = signal("");
/** Goes up when a list that is asked for only while it is shown may have changed. */
export const recordsChanged = signal(0);
export const now = signal(Date.now());

export const mayAct = computed(() => identity.value !== null && identity.value.role !== "viewer");
export const names = computed(() => new Map(directory.value.map((entry) => [entry.number, entry.name])));

let stop: (() => void) | null = null;
let noticeTimer = 0;
const listeners = new Set<(event: StreamEvent) => void>();

/** Hear of every event; returns what ends it. */
export function onEvent(listener: (event: StreamEvent) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function tell(text: string): void {
  notice.value = text;
  window.clearTimeout(noticeTimer);
  if (text) noticeTimer = window.setTimeout(() => tell(""), 8000);
}

/** Runs what the switch may refuse, and says so when it does; whether it was done. */
export async function act(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) leave(say("wrong_token"));
    else if (error instanceof Error && !(error instanceof TypeError)) tell(error.message);
    else tell(say("lost"));
    return false;
  }
}

// -- asking again ------------------------------------------------------------------------------------------------------

const parts = {
  health: async () => {
    health.value = await get<Health>("/system/health");
  },
  calls: async () => {
    calls.value = await list<Call>("/voice/calls");
  },
  groups: async () => {
    groups.value = await list<Group>("/groups");
  },
  conferences: async () => {
    conferences.value = await list<Conference>("/voice/conferences");
  },
  people: async () => {
    directory.value = await list<DirectoryEntry>("/data/directory?limit=1000");
  },
  subscribers: async () => {
    subscribers.value = await list<Subscriber>("/data/subscribers?limit=1000");
  },
};
export type Part = keyof typeof parts;
const pending = new Map<Part, number>();

/** Bring a part up to date soon; wishes that come meanwhile are served by the same request. */
export function soon(part: Part, pauseMs = 0): void {
  if (pending.has(part)) return;
  const timer = window.setTimeout(() => {
    pending.delete(part);
    if (identity.value !== null) void act(parts[part]);
  }, pauseMs);
  pending.set(part, timer);
}

const AFFECTED: Record<string, [Part, number][]> = {
  call: [
    ["calls", 30],
    ["people", 400],
    ["health", 400],
  ],
  leg: [
    ["calls", 30],
    ["people", 400],
  ],
  registration: [
    ["people", 400],
    ["health", 400],
  ],
  trunk: [["health", 400]],
  group: [["groups", 30]],
  floor: [["groups", 20]],
  conference: [["conferences", 30]],
};

function heard(event: StreamEvent): void {
  if (event.type === "stream.opened") {
    for (const part of Object.keys(parts) as Part[]) soon(part);
    if (events.value.length === 0) void act(() => lookBack(Number(event.last)));
    return;
  }
  if (event.type === "stream.missed") tell(`${String(event.count)} ${say("missed")}`);
  events.value = [event, ...events.value.slice(0, MOST_EVENTS - 1)];
  const family = event.type.split(".")[0] ?? "";
  for (const [part, pause] of AFFECTED[family] ?? []) soon(part, pause);
  if (event.type === "call.record" || family === "recording" || family === "registration") recordsChanged.value += 1;
  for (const listener of listeners) listener(event);
}

/** What happened before somebody looked: shown, and nothing is done about it. */
async function lookBack(last: number): Promise<void> {
  const since = Math.max(0, last - PAST_EVENTS);
  const past = await list<StreamEvent>(`/events/journal?since=${since}&limit=${PAST_EVENTS}`);
  events.value = [...events.value, ...past.filter((event) => (event.seq ?? 0) <= last).toReversed()];
}

// -- coming and going --------------------------------------------------------------------------------------------------

export async function enter(): Promise<void> {
  const found = await get<Identity>("/system/identity");
  await learnOperations();
  identity.value = found;
  tell("");
  stop?.();
  stop = follow(heard, (open) => {
    connected.value = open;
  });
  subscribers.value = await list<Subscriber>("/data/subscribers?limit=1000");
  chooseNumber();
}

/** Until somebody has chosen: the first subscriber who is a dispatcher, else the first. */
function chooseNumber(): void {
  const known = subscribers.value;
  if (known.some((each) => each.number === ownNumber.value)) return;
  const first = known.find((each) => each.roles.includes("dispatcher")) ?? known[0];
  ownNumber.value = first?.number ?? "";
}

export function leave(text = ""): void {
  stop?.();
  stop = null;
  connected.value = false;
  identity.value = null;
  events.value = [];
  calls.value = [];
  groups.value = [];
  setToken("");
  tell(text);
}

export function logIn(token: string): Promise<boolean> {
  setToken(token);
  return act(enter);
}

export const returning = (): boolean => currentToken() !== "";
export const canTalk = (): boolean => mayAct.value && offers("POST /webrtc/sessions");

window.setInterval(() => {
  now.value = Date.now();
}, 1000);
window.setInterval(() => identity.value && soon("health"), HEALTH_EVERY_MS);
