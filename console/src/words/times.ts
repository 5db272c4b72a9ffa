// Times as people read them.

const two = (value: number): string => String(value).padStart(2, "0");

/** Seconds as 1:05 or 1:01:05. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** The time of day, with the date when that is not today. */
export function moment(time: string | null | undefined, today = new Date()): string {
  if (!time) return "";
  const at = new Date(time);
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() === today.toDateString()) return clock;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock}`;
}

/** Seconds since a time. */
export const since = (time: string | null, now: number): number => (time ? (now - Date.parse(time)) / 1000 : 0);
