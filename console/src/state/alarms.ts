// What somebody has to look at: kept in this page, acknowledged by the dispatcher who sees it.

import { computed, effect, signal } from "@preact/signals";
import type { Call, Group, StreamEvent } from "../api/types.ts";
import { calls, groups, onEvent } from "./store.ts";

export interface Alarm {
  id: string;
  type: string;
  time: string;
  about: string;
  severe: boolean;
  acknowledged: boolean;
}

const MOST_ALARMS = 200;

export const alarms = signal<Alarm[]>([]);
export const openAlarms = computed(() => alarms.value.filter((alarm) => !alarm.acknowledged).length);

/** What an event means as an alarm; null when nobody needs to be roused. */
export function alarmOf(event: StreamEvent): Alarm | null {
  const text = (member: string) => String(event[member] ?? "");
  const alarm = (about: string, severe: boolean): Alarm => ({
    id: `${event.type}-${String(event.seq)}-${event.time ?? ""}`,
    type: event.type,
    time: event.time ?? "",
    about,
    severe,
    acknowledged: false,
  });
  switch (event.type) {
    case "group.alert":
      return event.raised ? alarm(`${text("party")} → ${text("group")}`, true) : null;
    case "group.urgency":
      return event.tier === "normal" ? null : alarm(`${text("party")} → ${text("group")} ${text("tier")}`, true);
    case "media.worker_lost":
    case "media.worker_given_up":
      return alarm(`#${text("worker")}`, true);
    case "storage.full":
      return alarm(text("reason"), true);
    case "recording.recorder_lost":
      return alarm(`#${text("pid")}`, true);
    case "call.one_way":
      return alarm(text("detail"), false);
    case "trunk.alarm_raised":
      return alarm(`${text("trunk")}/${text("span")} ${text("alarm")}`, true);
    case "trunk.state":
      return event.state === "down" || event.state === "refused"
        ? alarm(`${text("trunk")} ${text("state")} ${text("reason")}`, false)
        : null;
    case "location.geofence_entered":
    case "location.geofence_left":
      return alarm(`${text("number")} ${text("name")}`, false);
    default:
      return null;
  }
}

const emergency = (type: string, id: string, time: string | null, about: string): Alarm => {
  return { id: `${type}-${id}`, type, time: time ?? "", about, severe: true, acknowledged: false };
};

/** Emergencies that are going on, also those that began before this page was opened. */
export function emergencies(inCalls: Call[], inGroups: Group[]): Alarm[] {
  return [
    ...inCalls
      .filter((call) => call.emergency)
      .map((call) => emergency("call.emergency", call.call_id, call.started_at, `${call.caller} → ${call.callee}`)),
    ...inGroups.flatMap(({ call, number }) =>
      call?.kind === "emergency"
        ? [emergency("group.emergency", call.group_call_id, call.started_at, `${call.by} → ${number}`)]
        : [],
    ),
  ];
}

function add(found: Alarm[]): void {
  const known = new Set(alarms.peek().map((alarm) => alarm.id));
  const fresh = found.filter((alarm) => !known.has(alarm.id));
  if (fresh.length > 0) alarms.value = [...fresh, ...alarms.peek()].slice(0, MOST_ALARMS);
}

export function acknowledge(id: string): void {
  alarms.value = alarms.value.map((alarm) => (alarm.id === id ? { ...alarm, acknowledged: true } : alarm));
}

export function openAlarmList(): void {
  onEvent((event) => {
    const alarm = alarmOf(event);
    if (alarm) add([alarm]);
  });
  effect(() => add(emergencies(calls.value, groups.value)));
}
