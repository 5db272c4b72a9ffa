// Line drawings on a grid of 24, drawn for this console.

const PATHS = {
  desk: "M4 5h16v10H4zM9 19h6M12 15v4",
  conferences: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM16 11a3 3 0 1 0 0-6M2 19c0-3 3-5 6-5s6 2 6 5M17 14c3 0 5 2 5 5",
  queues: "M4 6h10M4 12h10M4 18h6M19 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM16 16c0-3 1-4 3-4s3 1 3 4",
  map: "M12 21s7-6 7-11a7 7 0 1 0-14 0c0 5 7 11 7 11zM12 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  cameras: "M3 7h12v10H3zM15 11l6-3v8l-6-3",
  alarms: "M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4",
  recordings: "M4 10v4M8 6v12M12 9v6M16 4v16M20 10v4",
  messages: "M4 5h16v11H9l-5 4z",
  records: "M6 3h12v18H6zM9 8h6M9 12h6M9 16h4",
  system: "M3 12h4l3 7 4-14 3 7h4",
  call: "M5 4h4l2 5-3 2c1 3 2 4 5 5l2-3 5 2v4c-9 1-16-6-15-15z",
  hang_up: "M3 14c5-5 13-5 18 0l-2 3-4-1v-3H9v3l-4 1z",
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11a6 6 0 0 0 12 0M12 17v4M9 21h6",
  muted: "M9 9v2a3 3 0 0 0 5 2M15 10V6a3 3 0 0 0-6-1M6 11a6 6 0 0 0 9 5M12 17v4M9 21h6M3 3l18 18",
  erase: "M9 6h11v12H9l-6-6zM12 10l4 4M16 10l-4 4",
  theme: "M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8z",
  language: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  help: "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 18v.1",
  logout: "M14 4h5v16h-5M4 12h10M10 8l4 4-4 4",
  close: "M6 6l12 12M18 6L6 18",
  play: "M7 4l13 8-13 8z",
  pause: "M8 5v14M16 5v14",
  download: "M12 4v11M7 11l5 5 5-5M4 20h16",
  plus: "M12 5v14M5 12h14",
  send: "M4 12l16-8-6 16-3-7z",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
  more: "M5 12h.1M12 12h.1M19 12h.1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
