// Events as text.

import type { StreamEvent } from "../api/types.ts";

const isId = (name: string): boolean => name.endsWith("_id");

/** What an event says, in one line: who and what first, ids, which are for programs, last. */
export function lineOf(event: StreamEvent): string {
  const { seq: _seq, type: _type, time: _time, record, ...members } = event;
  const told: string[] = [];
  if (record && typeof record === "object") {
    const { caller, callee, disposition } = record as Record<string, unknown>;
    told.push(`${String(caller)}→${String(callee)}`, String(disposition ?? ""));
  }
  const known = Object.entries(members).filter(([, value]) => value !== "" && value !== 0 && value !== null);
  const ordered = [...known.filter(([name]) => !isId(name)), ...known.filter(([name]) => isId(name))];
  for (const [name, value] of ordered) {
    told.push(`${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
  }
  return told.filter(Boolean).join(" ");
}
