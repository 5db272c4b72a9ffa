// This browser as a leg of a call: an offer to the switch, its answer, sound both ways (docs/webrtc.md).

import { at, get, post, remove } from "../api/client.ts";
import type { BrowserSession } from "../api/types.ts";
import { microphoneTrack } from "./microphone.ts";

const GATHERING_MS = 1500;

export class BrowserLeg {
  readonly connection = new RTCPeerConnection();
  readonly speaker = new Audio();
  session: BrowserSession | null = null;
  private track: MediaStreamTrack | null = null;
  private closed = false;

  constructor() {
    this.speaker.autoplay = true;
    this.connection.ontrack = (event) => {
      if (event.track.kind !== "audio") return;
      this.speaker.srcObject = new MediaStream([event.track]);
      void this.speaker.play().catch(() => undefined);
    };
  }

  /** Call a number in the name of a subscriber; resolves when it was answered or sends early sound. */
  async call(caller: string, callee: string, talking: boolean): Promise<BrowserSession> {
    await this.addMicrophone(talking);
    await this.connection.setLocalDescription(await this.connection.createOffer());
    const body = { sdp: await this.described(), caller, callee };
    this.session = await post<BrowserSession>("/webrtc/sessions", body);
    if (this.closed) await this.end();
    else await this.connection.setRemoteDescription({ type: "answer", sdp: this.session.sdp });
    return this.session;
  }

  /** Take a call that was offered to this browser. */
  async take(sessionId: string): Promise<BrowserSession> {
    const offered = await get<BrowserSession>(`/webrtc/sessions/${at(sessionId)}`);
    this.session = offered;
    await this.addMicrophone(true);
    await this.connection.setRemoteDescription({ type: "offer", sdp: offered.sdp });
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    const sdp = await this.described();
    this.session = await post<BrowserSession>(`/webrtc/sessions/${at(sessionId)}/answer`, { sdp });
    return this.session;
  }

  /** Whether the microphone is heard. */
  talk(on: boolean): void {
    if (this.track) this.track.enabled = on;
  }

  /** End the media, and the session unless the switch has ended it already. */
  async close(ended = false): Promise<void> {
    this.closed = true;
    this.connection.close();
    this.track?.stop();
    this.speaker.srcObject = null;
    if (!ended) await this.end();
  }

  private async end(): Promise<void> {
    if (this.session) await remove(`/webrtc/sessions/${at(this.session.session_id)}`).catch(() => undefined);
  }

  private async addMicrophone(talking: boolean): Promise<void> {
    this.track = await microphoneTrack();
    this.track.enabled = talking;
    this.connection.addTrack(this.track, new MediaStream([this.track]));
  }

  /** The description with whatever candidates were found in time: the switch learns the path from our checks. */
  private async described(): Promise<string> {
    if (this.connection.iceGatheringState !== "complete") {
      await new Promise<void>((done) => {
        const timer = window.setTimeout(done, GATHERING_MS);
        this.connection.addEventListener("icegatheringstatechange", () => {
          if (this.connection.iceGatheringState !== "complete") return;
          window.clearTimeout(timer);
          done();
        });
      });
    }
    return this.connection.localDescription?.sdp ?? "";
  }
}
