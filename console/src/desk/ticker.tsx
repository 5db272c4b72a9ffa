// Events as they come.

import { Empty, Panel } from "../parts/controls.tsx";
import { connected, events } from "../state/store.ts";
import { moment } from "../words/times.ts";
import { say } from "../words/words.ts";
import { lineOf } from "./line.ts";

export function Ticker() {
  return (
    <Panel
      title={say("events")}
      class="ticker"
      tools={<span class={`live ${connected.value ? "on" : "off"}`}>{say(connected.value ? "live" : "offline")}</span>}
    >
      {events.value.length === 0 && <Empty>{say("no_events")}</Empty>}
      <ol class="events" id="events">
        {events.value.map((event) => (
          <li key={event.seq ?? event.type}>
            <time>{moment(event.time)}</time> <b>{event.type}</b> {lineOf(event)}
          </li>
        ))}
      </ol>
    </Panel>
  );
}
