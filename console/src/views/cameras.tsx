// The camera wall: places for pictures, filled with the cameras that the switch knows.

import { useEffect, useState } from "preact/hooks";
import { list } from "../api/client.ts";
import { offers } from "../api/offered.ts";
import { Button, Panel } from "../parts/controls.tsx";
import { Icon } from "../parts/icon.tsx";
import { act } from "../state/store.ts";
import { say } from "../words/words.ts";

interface Camera {
  id: string;
  name?: string;
  state?: string;
}

const SPLITS = [1, 4, 9, 16] as const;
const LIST = "/video/cameras";

export function Cameras() {
  const [cameras, setCameras] = useState<Camera[]>([]);
  const [places, setPlaces] = useState(4);
  const offered = offers(`GET ${LIST}`);
  useEffect(() => {
    if (offered) void act(async () => setCameras(await list<Camera>(LIST)));
  }, [offered]);
  const word = offered ? say("no_cameras") : say("cameras_missing");
  const tools = SPLITS.map((count) => (
    <Button
      key={count}
      label={String(count)}
      kind="quiet"
      pressed={places === count}
      onPress={() => setPlaces(count)}
    />
  ));
  return (
    <div class="view single">
      <Panel title={say("cameras")} count={cameras.length} tools={tools}>
        {cameras.length === 0 && <p class="empty">{word}</p>}
        <ul class={`wall wall-${places}`}>
          {Array.from({ length: places }, (_, place) => (
            <li key={place} class="picture">
              <Icon name="cameras" />
              <span>{cameras[place]?.name ?? cameras[place]?.id ?? place + 1}</span>
            </li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}
