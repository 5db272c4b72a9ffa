// Small controls that several panels use.

import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { act } from "../state/store.ts";
import { say } from "../words/words.ts";
import { Icon, type IconName } from "./icon.tsx";

const ARMED_MS = 3000;

interface ButtonProps {
  label: string;
  onPress: () => unknown;
  icon?: IconName;
  kind?: "plain" | "primary" | "danger" | "good" | "quiet";
  iconOnly?: boolean;
  disabled?: boolean;
  pressed?: boolean;
  action?: string;
}

/** A button; what the switch refuses is told. */
export function Button(props: ButtonProps) {
  const { label, onPress, icon, kind = "plain", iconOnly = false, disabled = false, pressed, action } = props;
  return (
    <button
      type="button"
      class={`button ${kind}${iconOnly ? " icon-only" : ""}`}
      disabled={disabled}
      title={iconOnly ? label : undefined}
      aria-label={iconOnly ? label : undefined}
      aria-pressed={pressed}
      data-action={action}
      onClick={(event) => {
        event.stopPropagation();
        void act(async () => onPress());
      }}
    >
      {icon && <Icon name={icon} />}
      {!iconOnly && <span>{label}</span>}
    </button>
  );
}

/** A button that must be pressed twice within three seconds: what it does cannot be undone. */
export function ArmedButton({ label, onPress, ...rest }: ButtonProps) {
  const [armed, setArmed] = useState(false);
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const press = () => {
    window.clearTimeout(timer.current);
    if (armed) {
      setArmed(false);
      return onPress();
    }
    setArmed(true);
    timer.current = window.setTimeout(() => setArmed(false), ARMED_MS);
    return undefined;
  };
  return <Button {...rest} kind="danger" label={armed ? `${say("again")}: ${label}` : label} onPress={press} />;
}

interface PanelProps {
  title: string;
  count?: number | undefined;
  tools?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}

export function Panel({ title, count, tools, class: name = "", children }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel ${name}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {count !== undefined && <span class="count">{count}</span>}
        <div class="tools">{tools}</div>
      </header>
      <div class="panel-body">{children}</div>
    </section>
  );
}

export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;

interface FieldProps {
  id: string;
  value: Signal<string>;
  label: string;
  type?: "text" | "search";
  disabled?: boolean;
}

/** A line of text that is a signal; one that is not for searching proposes numbers of the directory. */
export function Field({ id, value, label, type = "text", disabled = false }: FieldProps) {
  return (
    <input
      id={id}
      type={type}
      value={value.value}
      onInput={(event) => {
        value.value = event.currentTarget.value;
      }}
      placeholder={label}
      aria-label={label}
      list={type === "text" ? "numbers" : undefined}
      autocomplete="off"
      maxLength={128}
      disabled={disabled}
    />
  );
}

interface CheckProps {
  id: string;
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

export function Check({ id, label, checked, onChange }: CheckProps) {
  return (
    <label class="check">
      <input id={id} type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      {label}
    </label>
  );
}

interface AskProps {
  label: string;
  verb: string;
  onGive: (text: string) => unknown;
  action?: string;
  pattern?: string;
  initial?: string;
}

/** One line of text and what is done with it. */
export function Ask({ label, verb, onGive, action, pattern, initial = "" }: AskProps) {
  const [text, setText] = useState(initial);
  return (
    <form
      class="ask"
      onSubmit={(event) => {
        event.preventDefault();
        void act(async () => {
          await onGive(text.trim());
          setText("");
        });
      }}
    >
      <input
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        placeholder={label}
        aria-label={`${verb}: ${label}`}
        data-action={action}
        pattern={pattern}
        required
        list="numbers"
        autocomplete="off"
        maxLength={512}
      />
      <button type="submit" class="button plain">
        {verb}
      </button>
    </form>
  );
}
