// Lists that are asked for while they are looked at: call records, registrations, trunks.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { at, list, remove } from "../api/client.ts";
import type { CallDetailRecord, Registration, Trunk } from "../api/types.ts";
import { ArmedButton, Button, Empty, Panel } from "../parts/controls.tsx";
import { Ladder } from "../parts/ladder.tsx";
import { act, mayAct, recordsChanged } from "../state/store.ts";
import { moment, span } from "../words/times.ts";
import { say, sayOr, type Word } from "../words/words.ts";

interface Column<Row> {
  word: Word;
  show: (row: Row) => ComponentChildren;
}

interface TableProps<Row> {
  path: string;
  columns: Column<Row>[];
  idOf: (row: Row) => string;
}

function Table<Row>({ path, columns, idOf }: TableProps<Row>) {
  const [rows, setRows] = useState<Row[]>([]);
  useEffect(() => void act(async () => setRows(await list<Row>(path))), [path, recordsChanged.value]);
  if (rows.length === 0) return <Empty>{say("nothing")}</Empty>;
  return (
    <table>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.word} scope="col">
              {say(column.word)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={idOf(row)}>
            {columns.map((column) => (
              <td key={column.word}>{column.show(row)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const ladderOf = signal("");

const CDRS: Column<CallDetailRecord>[] = [
  { word: "started", show: (row) => moment(row.started_at) },
  { word: "caller", show: (row) => row.caller },
  { word: "callee", show: (row) => row.callee },
  { word: "talked", show: (row) => (row.billsec_ms ? span(row.billsec_ms / 1000) : "–") },
  {
    word: "outcome",
    show: (row) => (
      <span class={row.disposition === "answered" ? "good" : "bad"}>
        {sayOr(`outcome_${row.disposition}`, row.disposition)}
      </span>
    ),
  },
  { word: "reason", show: (row) => row.details.reason || row.sip_code || "" },
  {
    word: "more",
    show: (row) =>
      mayAct.value && (
        <Button
          label={say("ladder")}
          kind="quiet"
          action="ladder"
          onPress={() => {
            ladderOf.value = row.id;
          }}
        />
      ),
  },
];

const REGISTRATIONS: Column<Registration>[] = [
  { word: "number", show: (row) => row.number },
  { word: "contact", show: (row) => <code>{row.contact}</code> },
  { word: "device", show: (row) => row.user_agent },
  { word: "expires", show: (row) => moment(row.expires_at) },
  {
    word: "more",
    show: (row) =>
      mayAct.value && (
        <ArmedButton label={say("deregister")} onPress={() => remove(`/system/registrations/${at(row.number)}`)} />
      ),
  },
];

const TRUNKS: Column<Trunk>[] = [
  { word: "name", show: (row) => row.name },
  { word: "state", show: (row) => <span class={row.state === "up" ? "good" : "bad"}>{row.state}</span> },
  { word: "calls", show: (row) => (row.max_calls ? `${row.calls}/${row.max_calls}` : row.calls) },
  { word: "reason", show: (row) => row.reason },
];

const LISTS = ["cdrs", "registrations", "trunks"] as const;

export function Records() {
  const [shown, setShown] = useState<(typeof LISTS)[number]>("cdrs");
  const tools = LISTS.map((name) => (
    <Button
      key={name}
      label={say(name)}
      kind="quiet"
      pressed={shown === name}
      action={name}
      onPress={() => setShown(name)}
    />
  ));
  return (
    <div class="view single">
      <Panel title={say("records")} tools={tools}>
        {shown === "cdrs" && <Table path="/data/cdrs?limit=200" columns={CDRS} idOf={(row) => row.id} />}
        {shown === "registrations" && (
          <Table path="/system/registrations" columns={REGISTRATIONS} idOf={(row) => row.number + row.contact} />
        )}
        {shown === "trunks" && <Table path="/system/trunks" columns={TRUNKS} idOf={(row) => row.name} />}
      </Panel>
      {ladderOf.value && (
        <Ladder
          call={ladderOf.value}
          onClose={() => {
            ladderOf.value = "";
          }}
        />
      )}
    </div>
  );
}
