// Events as text.

import type { StreamEvent } from "../api/types.ts";

/** What an event says, in one line. */
export function lineOf(event: StreamEvent): string {
  const { seq: _seq, type: _type, time: _time, record, ...members } = event;
  const told = Object.entries(members)
    .filter(([, value]) => value !== "" && value !== 0 && value !== null)
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
  if (record && typeof record === "object") {
    const { caller, callee, disposition } = record as Record<string, unknown>;
    told.push(`${String(caller)}→${String(callee)}`, String(disposition ?? ""));
  }
  return told.join(" ");
}
