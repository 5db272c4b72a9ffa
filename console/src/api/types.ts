// What the control API answers, as far as the console uses it. tests/api/test_console_contract.py compares every
// member with the OpenAPI document: an interface here has the name of its schema there.

export type Time = string | null;
export type Role = "viewer" | "dispatcher" | "admin";

export interface Page<T> {
  items: T[];
}

export interface Problem {
  title?: string;
  detail?: string;
  state?: string;
}

export interface Health {
  status: "ok" | "degraded" | "stopping";
  node: string;
  name: string;
  version: string;
  uptime_s: number;
  calls: number;
  registrations: number;
  problems: string[];
}

export interface Identity {
  name: string;
  role: Role;
}

export interface Leg {
  leg_id: string;
  protocol: string;
  party: string;
  display_name: string;
  state: string;
  held: boolean;
}

export type JoinsAs = "" | "insert" | "listen" | "whisper";

export interface JoiningCall {
  call_id: string;
  party: string;
  joins_as: JoinsAs;
}

export interface Call {
  call_id: string;
  state: string;
  caller: string;
  callee: string;
  started_at: Time;
  answered_at: Time;
  emergency: boolean;
  operations: string[];
  legs: Leg[];
  joins: string;
  joins_as: JoinsAs;
  joined_by: JoiningCall[];
}

export interface RoomParticipant {
  party: string;
  display_name: string;
  leg_id: string;
  call_id: string;
  since: Time;
  floor: string;
  muted: boolean;
  priority: number;
}

export interface GroupCall {
  group_call_id: string;
  kind: "group" | "broadcast" | "emergency";
  by: string;
  state: string;
  started_at: Time;
  invited: number;
  present: number;
  failed: number;
}

export interface Group {
  number: string;
  name: string;
  members: string[];
  kind: "static" | "temporary" | "patch";
  patched_into: string;
  talk_s: number;
  floor: "idle" | "taken";
  talker: string;
  participants: RoomParticipant[];
  call: GroupCall | null;
}

export interface RollCallAnswer {
  party: string;
  answered: boolean;
  waited_s: number;
  reason: string;
}

export interface RollCall {
  roll_call_id: string;
  state: "running" | "ended";
  started_at: Time;
  present: number;
  missing: number;
  results: RollCallAnswer[];
}

export interface ConferenceParticipant {
  party: string;
  display_name: string;
  leg_id: string;
  since: Time;
  muted: boolean;
  hand_since: Time;
}

export interface Conference {
  number: string;
  name: string;
  max_participants: number;
  pin_needed: boolean;
  plans: string[];
  locked: boolean;
  participants: ConferenceParticipant[];
}

export interface ConferenceRollCall {
  state: string;
  present: number;
  missing: number;
}

export interface MessageDelivery {
  recipient: string;
  state: string;
  reason: string;
}

export interface ShortMessage {
  id: string;
  sender: string;
  recipient: string;
  text: string | null;
  created_at: Time;
  deliveries: MessageDelivery[];
}

export interface DirectoryEntry {
  number: string;
  name: string;
  kind: string;
  state: string;
}

export interface Subscriber {
  number: string;
  display_name: string;
  roles: string[];
}

export interface CallDetailRecord {
  id: string;
  caller: string;
  callee: string;
  started_at: Time;
  billsec_ms: number;
  disposition: string;
  sip_code: number;
  details: { reason?: string };
}

export interface Registration {
  number: string;
  contact: string;
  expires_at: Time;
  source: string;
  user_agent: string;
}

export interface Trunk {
  name: string;
  state: string;
  calls: number;
  max_calls: number;
  reason: string;
}

export interface MediaWorker {
  number: number;
  pid: number;
  alive: boolean;
  ports: number;
  cpu_s: number;
}

export interface MediaStatus {
  workers: MediaWorker[];
}

export interface BrowserSession {
  session_id: string;
  call_id: string;
  number: string;
  peer: string;
  direction: "in" | "out";
  state: string;
  sdp: string;
  type: "offer" | "answer" | "";
  sip_code: number;
  reason: string;
}

export interface Recording {
  id: string;
  kind: string;
  room: string;
  caller: string;
  callee: string;
  started_at: Time;
  seconds: number;
  state: string;
}

export interface Burst {
  id: string;
  party: string;
  started_at: Time;
  offset_s: number;
  seconds: number;
  tier: string;
}

export interface Waveform {
  seconds: number;
  channels: number[][];
}

/** One event of the stream: its type decides what else is in it. */
export interface StreamEvent {
  type: string;
  seq?: number;
  time?: string;
  [member: string]: unknown;
}

export interface PositionRow {
  number: string;
  latitude: number;
  longitude: number;
  time: Time;
}

export interface FenceRow {
  id: string;
  name: string;
  center: [number, number] | null;
  radius_m: number;
  polygon: [number, number][];
}

export interface WaitingCaller {
  party: string;
  call_id: string;
  place: number;
  priority: number;
  waited_s: number;
  offered_to: string[];
}

export interface QueueAgent {
  number: string;
  state: "available" | "ringing" | "talking" | "wrap_up" | "paused";
  paused: boolean;
}

export interface Queue {
  number: string;
  name: string;
  waiting: WaitingCaller[];
  agents: QueueAgent[];
  statistics: QueueStatistics;
}

export interface QueueStatistics {
  answered: number;
  abandoned: number;
  average_wait_s: number;
}
