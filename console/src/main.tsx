// The dispatcher's console: puts the parts together and starts what runs behind them.

import "leaflet/dist/leaflet.css";
import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/desk.css";
import "./style/views.css";
import { type ComponentType, render } from "preact";
import { Desk } from "./desk/desk.tsx";
import { Help, Login, Notice, SideBar, TopBar } from "./frame.tsx";
import { openKeyboard } from "./keys.ts";
import { openRadio } from "./rtc/radio.ts";
import { openTelephone } from "./rtc/telephone.ts";
import { openAlarmList } from "./state/alarms.ts";
import { openMetrics } from "./state/metrics.ts";
import { act, enter, identity, returning } from "./state/store.ts";
import { type View, view } from "./state/view.ts";
import { Alarms } from "./views/alarms.tsx";
import { Cameras } from "./views/cameras.tsx";
import { Conferences } from "./views/conferences.tsx";
import { MapView } from "./views/map.tsx";
import { Messages } from "./views/messages.tsx";
import { Queues } from "./views/queues.tsx";
import { Recordings } from "./views/recordings.tsx";
import { Records } from "./views/records.tsx";
import { System } from "./views/system.tsx";

const COMPONENTS: Record<View, ComponentType> = {
  desk: Desk,
  conferences: Conferences,
  queues: Queues,
  map: MapView,
  cameras: Cameras,
  alarms: Alarms,
  recordings: Recordings,
  messages: Messages,
  records: Records,
  system: System,
};

function Console() {
  const Shown = COMPONENTS[view.value];
  return (
    <>
      <TopBar />
      <Notice />
      {identity.value === null ? (
        <Login />
      ) : (
        <div class="work">
          <SideBar />
          <main id="desk" data-view={view.value}>
            <Shown />
          </main>
        </div>
      )}
      <Help />
    </>
  );
}

openAlarmList();
openTelephone();
openRadio();
openMetrics();
openKeyboard();
const place = document.getElementById("app");
if (place) render(<Console />, place);
if (returning()) void act(enter);
