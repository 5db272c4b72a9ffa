// What surrounds every view: the bar at the top, the choice of views at the side, notices, help, the login.

import { useState } from "preact/hooks";
import { Button } from "./parts/controls.tsx";
import { Icon } from "./parts/icon.tsx";
import { offered } from "./rtc/telephone.ts";
import { openAlarms } from "./state/alarms.ts";
import { changeLanguage, changeTheme, theme } from "./state/settings.ts";
import { act, connected, health, identity, leave, logIn, notice, now } from "./state/store.ts";
import { helpOpen, show, VIEWS, type View, view } from "./state/view.ts";
import { moment } from "./words/times.ts";
import { say, type Word } from "./words/words.ts";

function Health() {
  const found = health.value;
  if (!connected.value || !found) return <p class="health lost">○ {say("offline")}</p>;
  return (
    <p class={`health ${found.status}`} role="status" title={found.problems.join("\n")}>
      ● {say(found.status)} · {found.calls} {say("calls_")} · {found.registrations} {say("registered_")}
    </p>
  );
}

export function TopBar() {
  const who = identity.value;
  return (
    <header class="bar">
      <h1>
        <Icon name="recordings" />
        <span class="brand">
          {health.value?.name || "softswitch"} <small>{say("tagline")}</small>
        </span>
      </h1>
      {who && <Health />}
      <span class="spacer" />
      <time class="wall-clock">{moment(new Date(now.value).toISOString())}</time>
      {who && (
        <span class="identity">
          {who.name} ({who.role})
        </span>
      )}
      <Button label={say("other_language")} icon="language" kind="quiet" action="language" onPress={changeLanguage} />
      <Button label={say(theme.value)} icon="theme" kind="quiet" iconOnly action="theme" onPress={changeTheme} />
      {who && (
        <Button
          label={say("help")}
          icon="help"
          kind="quiet"
          iconOnly
          action="help"
          onPress={() => {
            helpOpen.value = true;
          }}
        />
      )}
      {who && (
        <Button label={say("logout")} icon="logout" kind="quiet" iconOnly action="logout" onPress={() => leave()} />
      )}
    </header>
  );
}

function badgeOf(name: View): number {
  if (name === "alarms") return openAlarms.value;
  return name === "desk" ? offered.value.length : 0;
}

export function SideBar() {
  return (
    <nav class="side" aria-label={say("views")}>
      {VIEWS.map((name, index) => (
        <button
          key={name}
          type="button"
          data-view={name}
          aria-current={view.value === name ? "page" : undefined}
          title={`${say(name)} (Alt+${(index + 1) % 10})`}
          onClick={() => show(name)}
        >
          <Icon name={name} />
          <span>{say(name)}</span>
          {badgeOf(name) > 0 && <i class="badge emergency">{badgeOf(name)}</i>}
        </button>
      ))}
    </nav>
  );
}

export function Notice() {
  return (
    <p id="notice" class="notice" role="alert" hidden={!notice.value}>
      {notice.value}
    </p>
  );
}

export function Login() {
  const [token, setToken] = useState("");
  return (
    <main class="login">
      <form
        id="login"
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          void act(() => logIn(token.trim()));
          setToken("");
        }}
      >
        <h2>{say("login")}</h2>
        <label>
          {say("token")}
          <input
            id="token"
            type="password"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
            autocomplete="current-password"
            ref={(field) => field?.focus()}
            required
          />
        </label>
        <button type="submit" class="button primary">
          {say("enter")}
        </button>
        <p class="hint">{say("token_hint")}</p>
      </form>
    </main>
  );
}

const SHORTCUTS: [string, Word][] = [
  ["Space", "key_talk"],
  ["1 … 9", "key_groups"],
  ["/", "key_dial"],
  ["f", "key_search"],
  ["m", "key_mute"],
  ["Esc", "key_hang_up"],
  ["Alt + 1 … 9, 0", "key_views"],
  ["t", "key_theme"],
  ["l", "key_language"],
  ["?", "key_help"],
];

export function Help() {
  if (!helpOpen.value) return null;
  const close = () => {
    helpOpen.value = false;
  };
  return (
    <div class="veil" onClick={close} role="presentation">
      <div
        class="panel help"
        role="dialog"
        aria-modal="true"
        aria-label={say("help")}
        tabIndex={-1}
        ref={(dialog) => dialog?.focus()}
      >
        <h2>{say("help")}</h2>
        <dl>
          {SHORTCUTS.map(([key, word]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{say(word)}</dd>
            </div>
          ))}
        </dl>
        <Button label={say("close")} onPress={close} />
      </div>
    </div>
  );
}
