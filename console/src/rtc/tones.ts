// Short tones of the page itself: the floor is yours, it was refused, somebody calls.

let context: AudioContext | null = null;
let ringing = 0;

function beep(hz: number, seconds: number, level = 0.08, delay = 0): void {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume();
  const start = context.currentTime + delay;
  const tone = new OscillatorNode(context, { frequency: hz });
  const gain = new GainNode(context, { gain: level });
  tone.connect(gain).connect(context.destination);
  gain.gain.setTargetAtTime(0, start + seconds, 0.01);
  tone.start(start);
  tone.stop(start + seconds + 0.1);
}

export const grantedTone = (): void => beep(1000, 0.08);
export const refusedTone = (): void => {
  beep(400, 0.12);
  beep(400, 0.12, 0.08, 0.2);
};

export function startRinging(): void {
  if (ringing) return;
  const ring = () => {
    beep(450, 0.4, 0.06);
    beep(450, 0.4, 0.06, 0.6);
  };
  ring();
  ringing = window.setInterval(ring, 3000);
}

export function stopRinging(): void {
  window.clearInterval(ringing);
  ringing = 0;
}
