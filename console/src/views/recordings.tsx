// Recordings: found, seen as a waveform, heard whole, as talk only, or one talk burst after the other.

import { useEffect, useRef, useState } from "preact/hooks";
import { at, fetchObject, get, list } from "../api/client.ts";
import { offers } from "../api/offered.ts";
import type { Burst, Recording, Waveform } from "../api/types.ts";
import { Button, Empty, Panel } from "../parts/controls.tsx";
import { WaveformView } from "../parts/waveform.tsx";
import { act, recordsChanged } from "../state/store.ts";
import { moment, span } from "../words/times.ts";
import { say, sayOr } from "../words/words.ts";

const POINTS = 400;

interface Loaded {
  waveform: Waveform;
  bursts: Burst[];
}

function titleOf(each: Recording): string {
  return each.kind === "call" ? `${each.caller} → ${each.callee}` : each.room;
}

/** What is played, under an address that is given back when something else is. */
function useSound(recording: Recording) {
  const audio = useRef<HTMLAudioElement>(null);
  const [address, setAddress] = useState("");
  const part = useRef("");
  useEffect(
    () => () => {
      if (address) URL.revokeObjectURL(address);
    },
    [address],
  );
  useEffect(() => {
    part.current = "";
    setAddress("");
  }, [recording.id]);
  const play = (query: string, from = 0) =>
    act(async () => {
      const element = audio.current;
      if (!element) return;
      if (part.current !== `?${query}`) {
        const fresh = await fetchObject(`/data/recordings/${at(recording.id)}/media?${query}`);
        part.current = `?${query}`;
        setAddress(fresh);
        element.src = fresh;
      }
      element.currentTime = from;
      await element.play();
    });
  return { audio, play, whole: () => part.current === "?" };
}

function Player({ recording }: { recording: Recording }) {
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [position, setPosition] = useState(0);
  const [playing, setPlaying] = useState("");
  const { audio, play, whole } = useSound(recording);
  useEffect(() => {
    setLoaded(null);
    setPosition(0);
    setPlaying("");
    const path = `/data/recordings/${at(recording.id)}`;
    void act(async () => {
      const [waveform, bursts] = await Promise.all([
        get<Waveform>(`${path}/waveform?points=${POINTS}`),
        list<Burst>(`${path}/bursts`),
      ]);
      setLoaded({ waveform, bursts });
    });
  }, [recording.id]);
  const sound = (query: string, name: string, from = 0) => {
    setPlaying(name);
    return play(query, from);
  };
  return (
    <div class="player" data-playing={playing}>
      <h3>
        {titleOf(recording)} · {moment(recording.started_at)} · {span(recording.seconds)}
      </h3>
      {loaded && (
        <WaveformView
          waveform={loaded.waveform}
          bursts={loaded.bursts}
          position={position}
          onSeek={(seconds) => void sound("", "whole", seconds)}
        />
      )}
      <div class="orders">
        <Button
          label={say("play")}
          icon="play"
          kind="primary"
          action="play"
          onPress={() => sound("", "whole", position)}
        />
        <Button label={say("pause")} icon="pause" action="pause" onPress={() => audio.current?.pause()} />
        {loaded && loaded.bursts.length > 0 && (
          <Button label={say("talk_only")} icon="recordings" action="talk" onPress={() => sound("talk=true", "talk")} />
        )}
        <Button label={say("download")} icon="download" onPress={() => save(recording)} />
        <span class="clock">
          {span(position)} / {span(recording.seconds)}
        </span>
      </div>
      <audio
        ref={audio}
        onTimeUpdate={(event) => whole() && setPosition(event.currentTarget.currentTime)}
        onEnded={() => setPlaying("")}
      />
      {loaded && loaded.bursts.length > 0 && (
        <>
          <h3>{say("bursts")}</h3>
          <ol class="bursts">
            {loaded.bursts.map((burst) => (
              <li key={burst.id} class={playing === burst.id ? "on" : ""}>
                <Button
                  label={`${say("play")} ${burst.party}`}
                  icon="play"
                  iconOnly
                  kind="quiet"
                  action="burst"
                  onPress={() => sound(`burst=${at(burst.id)}`, burst.id)}
                />
                <b>{burst.party}</b> <time>{moment(burst.started_at)}</time> {span(burst.seconds)}
                {burst.tier !== "" && burst.tier !== "normal" && <span class="badge emergency">{burst.tier}</span>}
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

async function save(recording: Recording): Promise<void> {
  const address = await fetchObject(`/data/recordings/${at(recording.id)}/media`);
  const link = document.createElement("a");
  link.href = address;
  link.download = recording.id;
  link.click();
  URL.revokeObjectURL(address);
}

export function Recordings() {
  const [rows, setRows] = useState<Recording[]>([]);
  const [wanted, setWanted] = useState("");
  const [chosen, setChosen] = useState("");
  const offered = offers("GET /data/recordings");
  useEffect(() => {
    if (!offered) return;
    const query = wanted ? `?number=${at(wanted)}` : "";
    void act(async () => setRows(await list<Recording>(`/data/recordings${query}`)));
  }, [wanted, offered, recordsChanged.value]);
  if (!offered) {
    return (
      <div class="view single">
        <Panel title={say("recordings")}>
          <Empty>{say("recordings_missing")}</Empty>
        </Panel>
      </div>
    );
  }
  const recording = rows.find((each) => each.id === chosen);
  return (
    <div class="view two">
      <Panel title={say("recordings")} count={rows.length}>
        <input
          type="search"
          value={wanted}
          placeholder={say("search")}
          aria-label={say("search")}
          onChange={(event) => setWanted(event.currentTarget.value.trim())}
        />
        {rows.length === 0 && <Empty>{say("no_recordings")}</Empty>}
        <ul class="rows">
          {rows.map((each) => (
            <li key={each.id}>
              <button
                type="button"
                class="row"
                data-recording={each.id}
                aria-pressed={each.id === chosen}
                onClick={() => setChosen(each.id)}
              >
                <b>{titleOf(each)}</b>
                <span>{sayOr(each.kind === "call" ? "call" : each.kind)}</span>
                <time>{moment(each.started_at)}</time>
                <span class="clock">{span(each.seconds)}</span>
              </button>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel title={say("waveform")}>
        {recording ? <Player recording={recording} /> : <Empty>{say("choose_recording")}</Empty>}
      </Panel>
    </div>
  );
}
