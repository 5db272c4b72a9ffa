// Call queues: who waits and how long, which agents answer, and how it went since the start.

import { useEffect, useState } from "preact/hooks";
import { at, list, post, remove, request } from "../api/client.ts";
import { offers } from "../api/offered.ts";
import type { Queue, QueueAgent, WaitingCaller } from "../api/types.ts";
import { ArmedButton, Ask, Button, Empty, Panel } from "../parts/controls.tsx";
import { act, mayAct, names, now, onEvent } from "../state/store.ts";
import { span } from "../words/times.ts";
import { say } from "../words/words.ts";

const LIST = "/voice/queues";

interface Looked {
  queues: Queue[];
  at: number;
}

function Caller({ who, since }: { who: WaitingCaller; since: number }) {
  const waited = who.waited_s + Math.max(0, now.value - since) / 1000;
  return (
    <li class="participant" data-call={who.call_id}>
      <span class="who">
        {who.place}. <b>{who.party}</b> {names.value.get(who.party)}{" "}
        {who.priority > 1 && <span class="badge emergency">{say("emergency_mark")}</span>}
        {who.offered_to.length > 0 && <span class="badge">→ {who.offered_to.join(" ")}</span>}
      </span>
      <span class="clock">{span(waited)}</span>
      {mayAct.value && (
        <ArmedButton
          label={say("op_disconnect")}
          icon="hang_up"
          iconOnly
          onPress={() => post(`/voice/calls/${at(who.call_id)}/disconnect`)}
        />
      )}
    </li>
  );
}

function Agent({ queue, who }: { queue: string; who: QueueAgent }) {
  const path = `${LIST}/${at(queue)}/agents/${at(who.number)}`;
  return (
    <li class={`participant ${who.state === "available" ? "good" : ""}`}>
      <span class="who">
        <b>{who.number}</b> {names.value.get(who.number)} <span class="badge">{say(`agent_${who.state}`)}</span>
      </span>
      {mayAct.value && (
        <span class="tools">
          <Button
            label={say(who.paused ? "agent_resume" : "agent_pause")}
            icon={who.paused ? "play" : "pause"}
            kind="quiet"
            iconOnly
            onPress={() => request("PATCH", path, { paused: !who.paused })}
          />
          <ArmedButton label={say("agent_out")} icon="logout" iconOnly onPress={() => remove(path)} />
        </span>
      )}
    </li>
  );
}

function Line({ queue, since }: { queue: Queue; since: number }) {
  const { answered, abandoned, average_wait_s } = queue.statistics;
  return (
    <li class={`room ${queue.waiting.length > 0 ? "used" : ""}`} data-queue={queue.number}>
      <div class="room-line">
        <i class="lamp" aria-hidden="true" />
        <strong>{queue.name || queue.number}</strong>
        <span class="number">{queue.number}</span>
        <span class="people">
          {queue.waiting.length} {say("waiting_")}
        </span>
      </div>
      <p class="hint">
        {answered} {say("answered_")} · {abandoned} {say("abandoned_")} · {say("average_wait")} {span(average_wait_s)}
      </p>
      <ul class="participants">
        {queue.waiting.map((each) => (
          <Caller key={each.call_id} who={each} since={since} />
        ))}
      </ul>
      <ul class="participants">
        {queue.agents.map((each) => (
          <Agent key={each.number} queue={queue.number} who={each} />
        ))}
      </ul>
      {mayAct.value && (
        <Ask
          label={say("number")}
          verb={say("agent_in")}
          action="agent"
          onGive={(text) => post(`${LIST}/${at(queue.number)}/agents`, { agent: text })}
        />
      )}
    </li>
  );
}

export function Queues() {
  const [looked, setLooked] = useState<Looked>({ queues: [], at: 0 });
  const offered = offers(`GET ${LIST}`);
  const look = () => act(async () => setLooked({ queues: await list<Queue>(LIST), at: Date.now() }));
  useEffect(() => {
    if (!offered) return undefined;
    void look();
    return onEvent((event) => event.type.startsWith("queue.") && void look());
  }, [offered]);
  return (
    <div class="view single">
      <Panel title={say("queues")} count={looked.queues.length}>
        {looked.queues.length === 0 && <Empty>{say("no_queues")}</Empty>}
        <ul class="rooms">
          {looked.queues.map((queue) => (
            <Line key={queue.number} queue={queue} since={looked.at} />
          ))}
        </ul>
      </Panel>
    </div>
  );
}
