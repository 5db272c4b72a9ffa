// The directory with presence: one click calls.

import { signal } from "@preact/signals";
import type { DirectoryEntry } from "../api/types.ts";
import { Empty, Field, Panel } from "../parts/controls.tsx";
import { dial } from "../rtc/telephone.ts";
import { canTalk, directory, mayAct } from "../state/store.ts";
import { say, sayOr } from "../words/words.ts";
import { number } from "./telephone.tsx";

// Shape besides colour, for eyes that see no difference between red and green.
const PRESENCE: Record<string, string> = { available: "●", busy: "◆", do_not_disturb: "⊘", offline: "○" };
const wanted = signal("");

/** Entries by kind, people first, as many as match what is searched for. */
export function byKind(entries: DirectoryEntry[], search: string): Map<string, DirectoryEntry[]> {
  const text = search.trim().toLowerCase();
  const found = new Map<string, DirectoryEntry[]>([["subscriber", []]]);
  for (const entry of entries) {
    if (!`${entry.number} ${entry.name}`.toLowerCase().includes(text)) continue;
    found.set(entry.kind, [...(found.get(entry.kind) ?? []), entry]);
  }
  if (found.get("subscriber")?.length === 0) found.delete("subscriber");
  return found;
}

function Entry({ entry }: { entry: DirectoryEntry }) {
  const spoken = entry.state === "offline" ? say("offline_") : sayOr(entry.state || entry.kind);
  const call = () => {
    if (canTalk()) void dial(entry.number);
    else number.value = entry.number;
  };
  return (
    <li>
      <button type="button" class="entry" data-number={entry.number} disabled={!mayAct.value} onClick={call}>
        <span class={`presence ${entry.state || entry.kind}`} role="img" aria-label={spoken} title={spoken}>
          {PRESENCE[entry.state] ?? "▫"}
        </span>
        <span class="number">{entry.number}</span>
        <span class="name">{entry.name}</span>
      </button>
    </li>
  );
}

export function Directory() {
  const kinds = byKind(directory.value, wanted.value);
  return (
    <Panel title={say("directory")} count={directory.value.length} class="directory">
      <Field id="search" type="search" value={wanted} label={say("search")} />
      {kinds.size === 0 && <Empty>{say("nobody_found")}</Empty>}
      {[...kinds].map(([kind, entries]) => (
        <details key={kind} open={kind === "subscriber" || wanted.value !== ""}>
          <summary>
            {sayOr(kind)} <span class="count">{entries.length}</span>
          </summary>
          <ul>
            {entries.map((entry) => (
              <Entry key={entry.number} entry={entry} />
            ))}
          </ul>
        </details>
      ))}
      <datalist id="numbers">
        {directory.value.map((entry) => (
          <option key={entry.number} value={entry.number}>
            {entry.name}
          </option>
        ))}
      </datalist>
    </Panel>
  );
}
