// The dispatcher's telephone in this page: one conversation at a time, and calls that wait to be taken.

import { computed, effect, signal } from "@preact/signals";
import { at, post, remove } from "../api/client.ts";
import type { StreamEvent } from "../api/types.ts";
import { ownNumber } from "../state/settings.ts";
import { act, calls, canTalk, identity, onEvent } from "../state/store.ts";
import { BrowserLeg } from "./leg.ts";
import { startRinging, stopRinging } from "./tones.ts";

export interface Conversation {
  peer: string;
  state: "calling" | "talking";
  muted: boolean;
  callId: string;
  leg: BrowserLeg;
}

export interface Offered {
  sessionId: string;
  callId: string;
  caller: string;
}

const REGISTRATION_S = 60;

export const conversation = signal<Conversation | null>(null);
export const offered = signal<Offered[]>([]);
export const conversationCall = computed(() => calls.value.find((call) => call.call_id === conversation.value?.callId));
const device = `console-${crypto.randomUUID().slice(0, 8)}`;
let registered = "";
let registrationTimer = 0;

export async function dial(callee: string): Promise<void> {
  if (conversation.value) await hangUp();
  const leg = new BrowserLeg();
  conversation.value = { peer: callee, state: "calling", muted: false, callId: "", leg };
  await converse(leg, () => leg.call(ownNumber.value, callee, true));
}

export async function take(call: Offered): Promise<void> {
  if (conversation.value) await hangUp();
  forget(call.callId);
  const leg = new BrowserLeg();
  conversation.value = { peer: call.caller, state: "calling", muted: false, callId: call.callId, leg };
  await converse(leg, () => leg.take(call.sessionId));
}

export async function decline(call: Offered): Promise<void> {
  forget(call.callId);
  await act(() => remove(`/webrtc/sessions/${at(call.sessionId)}`));
}

export async function hangUp(): Promise<void> {
  const leg = conversation.value?.leg;
  conversation.value = null;
  await leg?.close();
}

export function mute(muted: boolean): void {
  const current = conversation.value;
  if (!current) return;
  current.leg.talk(!muted);
  conversation.value = { ...current, muted };
}

/** Keys of the conversation's other side, a menu for instance. */
export async function pressKey(key: string): Promise<void> {
  const current = conversation.value;
  if (current?.callId) await act(() => post(`/voice/calls/${at(current.callId)}/dtmf`, { digits: key }));
}

async function converse(leg: BrowserLeg, begin: () => Promise<{ call_id: string }>): Promise<void> {
  const done = await act(async () => {
    const session = await begin();
    const current = conversation.value;
    if (current?.leg === leg) conversation.value = { ...current, state: "talking", callId: session.call_id };
  });
  if (!done) {
    if (conversation.value?.leg === leg) conversation.value = null;
    await leg.close();
  }
}

function forget(callId: string): void {
  offered.value = offered.value.filter((call) => call.callId !== callId);
}

function heard(event: StreamEvent): void {
  const callId = String(event.call_id ?? "");
  if (event.type === "webrtc.offered" && event.number === ownNumber.value) {
    const call = { sessionId: String(event.session_id), callId, caller: String(event.caller) };
    offered.value = [...offered.value.filter((each) => each.sessionId !== call.sessionId), call];
  } else if (event.type === "call.record" || (event.type === "call.state" && event.state === "disconnected")) {
    forget(callId);
    ended(callId);
  } else if (event.type === "call.state" && event.state === "active" && conversation.value?.callId !== callId) {
    forget(callId); // taken at another device
  }
}

function ended(callId: string): void {
  const current = conversation.value;
  if (!current || !callId || current.callId !== callId) return;
  conversation.value = null;
  void current.leg.close(true);
}

async function register(): Promise<void> {
  const number = identity.value && canTalk() ? ownNumber.value : "";
  if (registered && registered !== number) {
    const path = `/webrtc/registrations/${at(registered)}/${device}`;
    registered = "";
    await remove(path).catch(() => undefined);
  }
  if (!number) return;
  const body = { number, device, expires_s: REGISTRATION_S };
  if (await act(() => post("/webrtc/registrations", body))) registered = number;
}

/** Offer the own number's calls to this page as long as somebody is logged in. */
export function openTelephone(): void {
  onEvent(heard);
  effect(() => {
    void [identity.value, ownNumber.value];
    window.clearInterval(registrationTimer);
    void register();
    registrationTimer = window.setInterval(() => void register(), (REGISTRATION_S / 3) * 1000);
  });
  effect(() => (offered.value.length > 0 ? startRinging() : stopRinging()));
}
