// The SIP messages of one call as a ladder, drawn by the switch.

import { useEffect, useState } from "preact/hooks";
import { at, fetchRaw } from "../api/client.ts";
import { act } from "../state/store.ts";
import { say } from "../words/words.ts";
import { Button, Panel } from "./controls.tsx";

export function Ladder({ call, onClose }: { call: string; onClose: () => void }) {
  const [address, setAddress] = useState("");
  useEffect(() => {
    setAddress("");
    void act(async () => {
      const drawing = await (await fetchRaw("GET", `/data/cdrs/${at(call)}/ladder?format=svg`)).text();
      // As an image it may run no script and fetch nothing, whatever stood in the messages.
      setAddress(`data:image/svg+xml,${encodeURIComponent(drawing)}`);
    });
  }, [call]);
  return (
    <Panel
      title={say("ladder")}
      class="ladder"
      tools={<Button label={say("close")} icon="close" kind="quiet" iconOnly onPress={onClose} />}
    >
      {address && <img src={address} alt={`${say("ladder")} ${call}`} data-ladder={call} />}
    </Panel>
  );
}
