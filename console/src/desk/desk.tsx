// The desk: everything a dispatcher needs from one call to the next.

import { Calls } from "./calls.tsx";
import { Directory } from "./directory.tsx";
import { Talkgroups } from "./talkgroups.tsx";
import { Telephone } from "./telephone.tsx";
import { Ticker } from "./ticker.tsx";

export function Desk() {
  return (
    <div class="view desk">
      <Talkgroups />
      <div class="column">
        <Calls />
        <Ticker />
      </div>
      <div class="column">
        <Telephone />
        <Directory />
      </div>
    </div>
  );
}
