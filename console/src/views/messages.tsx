// Short messages: what came and went, and a line to write.

import { useEffect, useState } from "preact/hooks";
import { list, start } from "../api/client.ts";
import { offers } from "../api/offered.ts";
import type { ShortMessage } from "../api/types.ts";
import { Button, Empty, Panel } from "../parts/controls.tsx";
import { ownNumber } from "../state/settings.ts";
import { act, mayAct, onEvent } from "../state/store.ts";
import { moment } from "../words/times.ts";
import { say, sayOr } from "../words/words.ts";

const LIST = "/sms/messages";

export function Messages() {
  const [rows, setRows] = useState<ShortMessage[]>([]);
  const [recipient, setRecipient] = useState("");
  const [text, setText] = useState("");
  const offered = offers(`GET ${LIST}`);
  const look = () => void act(async () => setRows(await list<ShortMessage>(`${LIST}?limit=200`)));
  useEffect(() => {
    if (!offered) return undefined;
    look();
    return onEvent((event) => /^(sms|message)\./.test(event.type) && look());
  }, [offered]);
  if (!offered) {
    return (
      <div class="view single">
        <Panel title={say("messages")}>
          <Empty>{say("messages_missing")}</Empty>
        </Panel>
      </div>
    );
  }
  const send = async () => {
    await start(LIST, { sender: ownNumber.value, recipients: recipient.split(/[\s,，、]+/).filter(Boolean), text });
    setText("");
    look();
  };
  return (
    <div class="view single">
      <Panel title={say("messages")} count={rows.length} class="messages">
        {rows.length === 0 && <Empty>{say("no_messages")}</Empty>}
        <ol class="thread">
          {rows.toReversed().map((row) => (
            <li key={row.id} class={row.sender === ownNumber.value ? "mine" : ""}>
              <p class="meta">
                <b>{row.sender}</b> → <b>{row.recipient}</b> <time>{moment(row.created_at)}</time>
                {row.deliveries.map((each) => (
                  <span key={each.recipient} class="badge" title={each.reason}>
                    {row.deliveries.length > 1 && `${each.recipient} `}
                    {sayOr(`sms_${each.state}`, each.state)}
                  </span>
                ))}
              </p>
              <p>{row.text}</p>
            </li>
          ))}
        </ol>
        {mayAct.value && (
          <form
            class="compose"
            onSubmit={(event) => {
              event.preventDefault();
              void act(send);
            }}
          >
            <input
              value={recipient}
              onInput={(event) => setRecipient(event.currentTarget.value)}
              placeholder={say("recipient")}
              aria-label={say("recipient")}
              list="numbers"
              required
            />
            <input
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
              placeholder={say("text")}
              aria-label={say("text")}
              required
            />
            <Button label={say("send")} icon="send" kind="primary" onPress={send} />
          </form>
        )}
      </Panel>
    </div>
  );
}
