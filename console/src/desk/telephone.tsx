// The dispatcher's own telephone: number field, dial pad, the conversation, calls that wait.

import { signal } from "@preact/signals";
import { start } from "../api/client.ts";
import { Button, Check, Field, Panel } from "../parts/controls.tsx";
import {
  conversation,
  conversationCall,
  decline,
  dial,
  hangUp,
  mute,
  offered,
  pressKey,
  take,
} from "../rtc/telephone.ts";
import { cleanMicrophone, ownNumber } from "../state/settings.ts";
import { act, canTalk, mayAct, names, now, subscribers } from "../state/store.ts";
import { since, span } from "../words/times.ts";
import { say } from "../words/words.ts";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

/** What stands in the number field; the directory writes into it. */
export const number = signal("");
const connecting = signal(false);
const caller = signal("");

async function place(): Promise<void> {
  const callee = number.value.trim();
  if (!callee) return;
  number.value = "";
  if (connecting.value || !canTalk()) await start("/voice/calls", { caller: caller.value || ownNumber.value, callee });
  else await dial(callee);
}

function Waiting() {
  return (
    <>
      {offered.value.map((call) => (
        <div key={call.sessionId} class="offered" role="alertdialog" aria-label={say("calls_you")}>
          <p>
            <b>{call.caller}</b> {names.value.get(call.caller)} {say("calls_you")}
          </p>
          <Button label={say("take")} icon="call" kind="good" action="take" onPress={() => take(call)} />
          <Button label={say("decline")} icon="hang_up" kind="danger" action="decline" onPress={() => decline(call)} />
        </div>
      ))}
    </>
  );
}

function Conversation() {
  const current = conversation.value;
  if (!current) return null;
  const answered = conversationCall.value?.answered_at ?? null;
  return (
    <div class={`conversation ${current.state}`} data-state={current.state} aria-live="polite">
      <p>
        <b>{current.peer}</b> {names.value.get(current.peer)}
        <span class="clock">
          {current.state === "talking" && answered ? span(since(answered, now.value)) : say("calling")}
        </span>
      </p>
      <Button
        label={say(current.muted ? "unmute" : "mute")}
        icon={current.muted ? "muted" : "microphone"}
        pressed={current.muted}
        action="mute-self"
        onPress={() => mute(!current.muted)}
      />
      <Button label={say("hang_up")} icon="hang_up" kind="danger" action="hang-up" onPress={hangUp} />
    </div>
  );
}

function DialPad() {
  const press = (key: string) => {
    if (conversation.value?.state === "talking") return pressKey(key);
    number.value += key;
    return undefined;
  };
  return (
    <fieldset class="pad" aria-label={say("dial_pad")}>
      {KEYS.map((key) => (
        <button key={key} type="button" class="pad-key" data-key={key} onClick={() => void press(key)}>
          {key}
        </button>
      ))}
    </fieldset>
  );
}

function Who() {
  return (
    <div class="who-am-i">
      <label>
        {say("own_number")}
        <select
          id="own-number"
          value={ownNumber.value}
          onChange={(event) => {
            ownNumber.value = event.currentTarget.value;
          }}
        >
          {subscribers.value.map((each) => (
            <option key={each.number} value={each.number}>
              {each.number} {each.display_name}
            </option>
          ))}
        </select>
      </label>
      <Check
        id="clean-microphone"
        label={say("clean_microphone")}
        checked={cleanMicrophone.value === "yes"}
        onChange={(checked) => {
          cleanMicrophone.value = checked ? "yes" : "no";
        }}
      />
    </div>
  );
}

export function Telephone() {
  const others = connecting.value || !canTalk();
  return (
    <Panel title={say("telephone")} class="telephone">
      <Waiting />
      <Conversation />
      <form
        class="dial"
        id="dial-form"
        onSubmit={(event) => {
          event.preventDefault();
          void act(place);
        }}
      >
        {others && <Field id="caller" value={caller} label={say("caller")} disabled={!mayAct.value} />}
        <Field id="callee" value={number} label={say("number")} disabled={!mayAct.value} />
        <Button
          label={say("erase")}
          icon="erase"
          iconOnly
          kind="quiet"
          onPress={() => {
            number.value = number.value.slice(0, -1);
          }}
        />
        <button type="submit" class="button good" id="call" disabled={!mayAct.value}>
          {say("call")}
        </button>
      </form>
      {mayAct.value && <DialPad />}
      {canTalk() && (
        <Check
          id="connect-two"
          label={say("connect_two")}
          checked={connecting.value}
          onChange={(checked) => {
            connecting.value = checked;
          }}
        />
      )}
      {canTalk() && <Who />}
    </Panel>
  );
}
