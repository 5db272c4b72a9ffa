// Calls in progress: parties, state, and a button for everything that may be done now.

import { useState } from "preact/hooks";
import { at, post } from "../api/client.ts";
import type { Call, Leg } from "../api/types.ts";
import { ArmedButton, Ask, Button, Empty, Panel } from "../parts/controls.tsx";
import { ownNumber } from "../state/settings.ts";
import { calls, mayAct, names, now, soon } from "../state/store.ts";
import { since, span } from "../words/times.ts";
import { say, sayOr, type Word } from "../words/words.ts";

// What needs no more than a press; what ends something is armed first.
const PLAIN = ["ring", "queue", "proceed", "answer"];
const ENDING = ["disconnect", "force_release"];
// What needs a number or keys besides.
const WITH_TEXT: Record<string, { label: Word; body: (text: string) => object; verb: string }> = {
  transfer: { label: "party", body: (target) => ({ target }), verb: "transfer" },
  insert: { label: "party", body: (party) => ({ party }), verb: "insert" },
  listen: { label: "party", body: (party) => ({ party }), verb: "listen" },
  dtmf: { label: "digits", body: (digits) => ({ digits }), verb: "dtmf" },
};

const word = (operation: string): string => sayOr(`op_${operation.replace("/", "_")}`, operation);

function Party({ call, leg }: { call: Call; leg: Leg }) {
  const order = (verb: string) => async () => {
    await post(`/voice/calls/${at(call.call_id)}/${verb}`, { leg_id: leg.leg_id });
    soon("calls");
  };
  const whisper = async () => {
    await post(`/voice/calls/${at(call.call_id)}/whisper`, { party: ownNumber.value, to: leg.leg_id });
    soon("calls");
  };
  const may = (verb: string) => mayAct.value && call.operations.includes(verb);
  return (
    <li class={leg.held ? "held" : ""}>
      <span class="who">
        <b>{leg.party}</b> {leg.display_name || names.value.get(leg.party)}
      </span>
      <span class="leg-state">{leg.held ? say("held") : sayOr(`leg_${leg.state}`, leg.state)}</span>
      {may("whisper") && ownNumber.value !== leg.party && (
        <Button label={word("whisper")} kind="quiet" action="whisper" onPress={whisper} />
      )}
      {leg.held
        ? may("resume") && <Button label={word("resume")} kind="quiet" action="resume" onPress={order("resume")} />
        : may("hold") && <Button label={word("hold")} kind="quiet" action="hold" onPress={order("hold")} />}
    </li>
  );
}

function Orders({ call }: { call: Call }) {
  const [open, setOpen] = useState("");
  const order = async (verb: string, body: object = {}) => {
    await post(`/voice/calls/${at(call.call_id)}/${verb}`, body);
    setOpen("");
    soon("calls");
  };
  const offered = (verb: string) => call.operations.includes(verb);
  const text = WITH_TEXT[open];
  return (
    <div class="orders">
      {PLAIN.filter(offered).map((verb) => (
        <Button key={verb} label={word(verb)} action={verb} onPress={() => order(verb)} />
      ))}
      {offered("record") && (
        <Button label={word("record")} icon="recordings" action="record" onPress={() => order("record")} />
      )}
      {Object.keys(WITH_TEXT)
        .filter(offered)
        .map((verb) => (
          <Button
            key={verb}
            label={word(verb)}
            pressed={open === verb}
            action={verb}
            onPress={() => setOpen(open === verb ? "" : verb)}
          />
        ))}
      {ENDING.filter(offered).map((verb) => (
        <ArmedButton key={verb} label={word(verb)} action={verb} onPress={() => order(verb)} />
      ))}
      {text && (
        <Ask
          key={open}
          label={say(text.label)}
          verb={word(text.verb)}
          action="target"
          initial={text.label === "party" && text.verb !== "transfer" ? ownNumber.value : ""}
          onGive={(given) => order(text.verb, text.body(given))}
        />
      )}
    </div>
  );
}

// A party that was put into a call of others has a call of its own, which says which one it is in.
function titleOf(call: Call): string {
  const other = call.joins && calls.value.find((each) => each.call_id === call.joins);
  return other ? `${call.callee} → (${other.caller} → ${other.callee})` : `${call.caller} → ${call.callee}`;
}

function Card({ call }: { call: Call }) {
  return (
    <li class={`call ${call.state}${call.emergency ? " emergency" : ""}`} data-call={call.call_id}>
      <div class="call-line">
        <i class="lamp" aria-hidden="true" />
        <strong>{titleOf(call)}</strong>
        {call.joins && <span class="badge">{say(`joins_${call.joins_as || "insert"}`)}</span>}
        {call.emergency && <span class="badge emergency">{say("emergency_mark")}</span>}
        <span class="call-state">{sayOr(`state_${call.state}`, call.state)}</span>
        <span class="clock">{span(since(call.answered_at ?? call.started_at, now.value))}</span>
      </div>
      <ul class="parties">
        {call.legs.map((leg) => (
          <Party key={leg.leg_id} call={call} leg={leg} />
        ))}
        {call.joined_by.map((each) => (
          <li key={each.call_id} class="joining">
            <span class="who">
              <b>{each.party}</b> {names.value.get(each.party)}
            </span>
            <span class="leg-state">{say(`joins_${each.joins_as || "insert"}`)}</span>
          </li>
        ))}
      </ul>
      {mayAct.value && <Orders call={call} />}
    </li>
  );
}

export function Calls() {
  return (
    <Panel title={say("calls")} count={calls.value.length} class="calls-panel">
      {calls.value.length === 0 && <Empty>{say("no_calls")}</Empty>}
      <ul class="calls">
        {calls.value.map((call) => (
          <Card key={call.call_id} call={call} />
        ))}
      </ul>
    </Panel>
  );
}
