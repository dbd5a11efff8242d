import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "./Button";
import { useReturnFocus } from "./return_focus";

interface Properties<Topic extends string> {
  /** Its mark for browser tests, and the head of those of its topics: `name`, `name-topic`. */
  name: string;
  title: string;
  heading?: string;
  topics: { label: string; names: readonly Topic[]; now: Topic; words: (topic: Topic) => string };
  onTopic: (topic: Topic) => void;
  busy?: boolean;
  /** Beside the topics. */
  about?: ComponentChildren;
  actions?: ComponentChildren;
  /** Without: it is all there is to see, and stays. */
  close?: { words: string; cap: string; act: () => void };
  /** Takes the focus when it comes; a page shown as an example does not. */
  focus?: boolean;
  onKeyDown?: (event: KeyboardEvent) => void;
  children: ComponentChildren;
}

/** A page over a face that stays where it is: a head with topics and actions, and what is below it. */
export function Overlay<Topic extends string>(properties: Properties<Topic>) {
  const { name, title, topics, close, focus = true } = properties;
  const section = useRef<HTMLElement>(null);
  useReturnFocus();
  useLayoutEffect(() => {
    if (focus) section.current?.focus();
  }, []);
  return (
    <section
      ref={section}
      class="overlay"
      aria-label={title}
      aria-busy={properties.busy ?? false}
      tabIndex={-1}
      data-testid={name}
      onKeyDown={properties.onKeyDown}
    >
      <header>
        <h2>{properties.heading ?? title}</h2>
        <Topics {...topics} marks={name} onTopic={properties.onTopic} />
        {properties.about}
        <span class="overlay-actions">
          {properties.actions}
          {close && (
            <Button
              kind="quiet"
              size="small"
              icon="close"
              cap={close.cap}
              aria-label={close.words}
              onClick={close.act}
            />
          )}
        </span>
      </header>
      {properties.children}
    </section>
  );
}

interface TopicsProperties<Topic extends string> {
  label: string;
  names: readonly Topic[];
  now: Topic;
  words: (topic: Topic) => string;
  marks: string;
  onTopic: (topic: Topic) => void;
}

/** One of a few, in a row of small buttons. */
export function Topics<Topic extends string>(properties: TopicsProperties<Topic>) {
  const { label, names, now, words, marks, onTopic } = properties;
  return (
    <fieldset class="topics" aria-label={label}>
      {names.map((topic) => (
        <Button
          key={topic}
          size="small"
          aria-pressed={now === topic}
          data-testid={`${marks}-${topic}`}
          onClick={() => onTopic(topic)}
        >
          {words(topic)}
        </Button>
      ))}
    </fieldset>
  );
}
