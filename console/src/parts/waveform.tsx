// The loudness of a recording over time, its talk bursts, and where it is being played. A click moves there.

import { useEffect, useRef } from "preact/hooks";
import type { Burst, Waveform } from "../api/types.ts";
import { theme } from "../state/settings.ts";
import { say } from "../words/words.ts";

interface Props {
  waveform: Waveform;
  bursts: Burst[];
  position: number;
  onSeek: (seconds: number) => void;
}

const STEP_S = 5;

function draw(canvas: HTMLCanvasElement, { waveform, bursts, position }: Props): void {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name);
  const total = waveform.seconds || 1;
  pen.fillStyle = colour("--burst");
  for (const burst of bursts) {
    pen.fillRect((burst.offset_s / total) * width, 0, Math.max(2, (burst.seconds / total) * width), height);
  }
  const lane = height / Math.max(1, waveform.channels.length);
  waveform.channels.forEach((points, channel) => {
    const step = width / Math.max(1, points.length);
    points.forEach((level, index) => {
      const tall = Math.max(1, level * (lane - 6));
      const played = (index / points.length) * total <= position;
      pen.fillStyle = colour(played ? "--accent" : "--wave");
      pen.fillRect(index * step, lane * channel + (lane - tall) / 2, Math.max(1, step * 0.7), tall);
    });
  });
  pen.fillStyle = colour("--text");
  pen.fillRect((position / total) * width, 0, 1.5, height);
}

export function WaveformView(props: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { waveform, position, onSeek } = props;
  useEffect(() => {
    const paint = () => canvas.current && draw(canvas.current, props);
    paint();
    window.addEventListener("resize", paint);
    return () => window.removeEventListener("resize", paint);
  }, [waveform, props.bursts, position, theme.value]);
  return (
    <canvas
      ref={canvas}
      class="waveform"
      role="slider"
      tabIndex={0}
      aria-label={say("waveform")}
      aria-valuemin={0}
      aria-valuemax={Math.round(waveform.seconds)}
      aria-valuenow={Math.round(position)}
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        onSeek(((event.clientX - box.left) / box.width) * waveform.seconds);
      }}
      onKeyDown={(event) => {
        const by = { ArrowRight: STEP_S, ArrowLeft: -STEP_S }[event.key];
        if (by !== undefined) onSeek(Math.min(waveform.seconds, Math.max(0, position + by)));
      }}
    />
  );
}
