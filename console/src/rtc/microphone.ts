// One microphone for all conversations of this page; each gets a track of its own that it may switch off.

import { signal } from "@preact/signals";
import { cleanMicrophone } from "../state/settings.ts";

export const microphoneFault = signal("");
let source: Promise<MediaStream> | null = null;

/** A track of the microphone; raises when there is none or it may not be used. */
export async function microphoneTrack(): Promise<MediaStreamTrack> {
  if (!navigator.mediaDevices) throw new Error("A microphone is only given to pages of https or localhost.");
  const clean = cleanMicrophone.value === "yes";
  source ??= navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean, channelCount: 1 },
  });
  try {
    const track = (await source).getAudioTracks()[0];
    if (!track) throw new Error("no audio track");
    microphoneFault.value = "";
    return track.clone();
  } catch (error) {
    source = null;
    microphoneFault.value = error instanceof Error ? error.message : String(error);
    throw error;
  }
}

/** Let the microphone go, when nobody speaks any more or its settings have changed. */
export async function releaseMicrophone(): Promise<void> {
  const held = source;
  source = null;
  for (const track of (await held)?.getTracks() ?? []) track.stop();
}

cleanMicrophone.subscribe(() => void releaseMicrophone());
