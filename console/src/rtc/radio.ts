// Talkgroups that this page is in, and the push-to-talk key. The microphone is heard while the floor is ours, and only
// then: pressing asks, the grant opens it, letting go closes it.

import { computed, effect, signal } from "@preact/signals";
import { at, post } from "../api/client.ts";
import type { Group, StreamEvent } from "../api/types.ts";
import { keptGroups, ownNumber } from "../state/settings.ts";
import { act, groups, identity, onEvent, tell } from "../state/store.ts";
import { say } from "../words/words.ts";
import { BrowserLeg } from "./leg.ts";
import { grantedTone, refusedTone } from "./tones.ts";

const REFUSAL_SHOWN_MS = 6000;

export type Floor = "idle" | "asking" | "talking" | "waiting" | "refused";

export interface Membership {
  group: string;
  leg: BrowserLeg;
  callId: string;
  legId: string;
  floor: Floor;
  reason: string;
  volume: number;
}

export const memberships = signal<ReadonlyMap<string, Membership>>(new Map());
export const selected = signal("");
export const keyDown = signal(false);
/** Who was refused the floor just now, by talkgroup. */
export const refusedOthers = signal<ReadonlyMap<string, string>>(new Map());
export const selectedMembership = computed(() => memberships.value.get(selected.value) ?? null);

function change(group: string, members: Partial<Membership>): void {
  const old = memberships.value.get(group);
  if (old) memberships.value = new Map(memberships.value).set(group, { ...old, ...members });
}

function drop(group: string): void {
  const left = new Map(memberships.value);
  left.delete(group);
  memberships.value = left;
  if (selected.value === group) selected.value = left.keys().next().value ?? "";
}

/** Enter a talkgroup: this page hears it from now on. */
export async function join(group: string): Promise<void> {
  if (memberships.value.has(group)) return;
  const leg = new BrowserLeg();
  const fresh: Membership = { group, leg, callId: "", legId: "", floor: "idle", reason: "", volume: 1 };
  memberships.value = new Map(memberships.value).set(group, fresh);
  if (!selected.value) selected.value = group;
  const done = await act(async () => {
    const session = await leg.call(ownNumber.value, group, false);
    change(group, { callId: session.call_id });
    learnLegs(groups.value);
  });
  if (!done) {
    drop(group);
    await leg.close();
  }
}

export async function depart(group: string): Promise<void> {
  const membership = memberships.value.get(group);
  drop(group);
  await membership?.leg.close();
}

/** Loudness of one talkgroup, 0 to 1. */
export function setVolume(group: string, volume: number): void {
  const membership = memberships.value.get(group);
  if (membership) membership.leg.speaker.volume = volume;
  change(group, { volume });
}

// -- the key -----------------------------------------------------------------------------------------------------------

/** The key goes down: ask for the floor of the selected talkgroup. */
export async function press(group = selected.value): Promise<void> {
  const membership = memberships.value.get(group);
  if (!membership || keyDown.value) return;
  keyDown.value = true;
  selected.value = group;
  if (!membership.legId) {
    tell(say("not_in_group"));
    return;
  }
  change(group, { floor: "asking", reason: "" });
  const asked = await act(() => post(`/groups/${at(group)}/floor/request`, { leg_id: membership.legId }));
  if (!asked) change(group, { floor: "refused" });
}

/** The key comes up: whatever was asked is given back. */
export function release(): void {
  if (!keyDown.value) return;
  keyDown.value = false;
  for (const membership of memberships.value.values()) {
    if (membership.floor === "idle") continue;
    membership.leg.talk(false);
    change(membership.group, { floor: "idle" });
    const body = { leg_id: membership.legId };
    // Who never got the floor has nothing to give back: the switch says so, and that is all right.
    if (membership.legId) void post(`/groups/${at(membership.group)}/floor/release`, body).catch(() => undefined);
  }
}

function floorEvent(membership: Membership, event: StreamEvent): void {
  const { group, leg } = membership;
  if (event.type === "floor.granted") {
    if (!keyDown.value) {
      // granted after the key was let go: give it back at once
      void post(`/groups/${at(group)}/floor/release`, { leg_id: membership.legId }).catch(() => undefined);
      return;
    }
    leg.talk(true);
    grantedTone();
    change(group, { floor: "talking", reason: "" });
  } else if (event.type === "floor.queued") {
    change(group, { floor: "waiting", reason: `${String(event.position)}/${String(event.waiting)}` });
  } else if (event.type === "floor.denied" || event.type === "floor.revoked") {
    leg.talk(false);
    refusedTone();
    change(group, { floor: "refused", reason: String(event.reason ?? "") });
  }
}

/** Let everybody see for a few seconds whom the arbiter has refused. */
function showRefusal(event: StreamEvent): void {
  const group = String(event["group"]);
  const text = `${String(event["party"])}: ${String(event["reason"])}`;
  refusedOthers.value = new Map(refusedOthers.value).set(group, text);
  window.setTimeout(() => {
    if (refusedOthers.value.get(group) !== text) return;
    const left = new Map(refusedOthers.value);
    left.delete(group);
    refusedOthers.value = left;
  }, REFUSAL_SHOWN_MS);
}

function heard(event: StreamEvent): void {
  if (event.type === "floor.denied") showRefusal(event);
  const callId = String(event.call_id ?? "");
  if (!callId) return;
  for (const membership of memberships.value.values()) {
    if (membership.callId !== callId) continue;
    if (event.type === "group.joined") change(membership.group, { legId: String(event.leg_id) });
    else if (event.type.startsWith("floor.")) floorEvent(membership, event);
    else if (event.type === "call.record") {
      drop(membership.group);
      void membership.leg.close(true);
    }
  }
}

/** Find our own legs among the participants. */
function learnLegs(known: Group[]): void {
  for (const membership of memberships.peek().values()) {
    if (membership.legId || !membership.callId) continue;
    for (const group of known) {
      const mine = group.participants.find((each) => each.call_id === membership.callId);
      if (mine) change(membership.group, { legId: mine.leg_id });
    }
  }
}

/** Follow the floor as long as the page lives. */
export function openRadio(): void {
  onEvent(heard);
  effect(() => learnLegs(groups.value));
  effect(() => {
    if (identity.value === null) for (const group of [...memberships.peek().keys()]) void depart(group);
  });
  effect(() => {
    if (identity.value !== null) keptGroups.value = [...memberships.value.keys()].join(" ");
  });
}
