// Alarms that came while this page was open.

import { Button, Empty, Panel } from "../parts/controls.tsx";
import { acknowledge, alarms, openAlarms } from "../state/alarms.ts";
import { moment } from "../words/times.ts";
import { say } from "../words/words.ts";

export function Alarms() {
  return (
    <div class="view single">
      <Panel title={say("alarms")} count={openAlarms.value}>
        {alarms.value.length === 0 && (
          <Empty>
            {say("alarms_none")} {say("alarms_hint")}
          </Empty>
        )}
        <ul class="alarm-list" aria-live="assertive">
          {alarms.value.map((alarm) => (
            <li key={alarm.id} class={`${alarm.severe ? "severe" : ""} ${alarm.acknowledged ? "done" : "open"}`}>
              <time>{moment(alarm.time)}</time> <b>{alarm.type}</b> <span>{alarm.about}</span>
              {alarm.acknowledged ? (
                <span class="badge">{say("acknowledged")}</span>
              ) : (
                <Button label={say("acknowledge")} kind="primary" onPress={() => acknowledge(alarm.id)} />
              )}
            </li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}
