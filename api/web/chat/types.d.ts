// What the modules of the chat know of the service's JSON (api/wire/schemas.py) and of each other. Not shipped.

import type en from "./strings/en.js";

type Loose<T> = T extends (...given: infer A) => string ? (...given: A) => string
  : T extends string ? string
  : T extends string[] ? string[]
  : { [K in keyof T]: Loose<T[K]> };
export type Strings = Loose<typeof en>;

export interface Named { id: string; name: string }
export interface Company extends Named { names: string[] }

export interface Policy {
  id: string; title: string; archived_on: string | null; effective_on: string | null; source_url: string | null;
}
export interface Span { start: number; end: number; text: string }
export interface Segment { text: string; evidence: boolean }

/** What is shown of where words stand: a passage, or a quotation in the form of one. */
export interface Source {
  company: Named; policy: Policy; heading: string | null; score: number; start: number; end: number;
  evidence: Span[]; quotation: string | null; lead_in: string | null; segments: Segment[];
}
export interface Passage extends Source { passage_id: string }

export interface Quotation {
  text: string; pieces?: string[]; passage_id: string; start: number; end: number; heading: string | null; policy: Policy; spans: Span[];
}
export interface Verdict {
  company: Named; outcome: string; verdict: "yes" | "no" | "depends" | null; probability: number;
  quotes: { passage_id: string }[]; quotations: Quotation[];
}
export interface Part { question: string; outcome: string; verdicts: Verdict[]; counts?: Counts | null }
export interface Counts {
  question: string; seeks: "yes" | "no" | "stated" | "silent"; matching: number; companies: number; asked: number; complete: boolean;
  answered: number; yes: number; no: number; depends: number;
  unclear: number; not_stated: number; no_version: number; unsupported_language: number;
}
export interface Answer extends Part {
  standalone_question: string; answer: string; companies: Named[]; unknown_companies: { name: string; nearest: string[] }[];
  parts: Part[]; passages: Passage[]; next_offset: number | null;
}
export interface Problem { type: string; title: string; detail: string; status: number; nearest?: string[] }

/** What a question is asked with. */
export interface Asking { question: string; companies: Named[]; history: string[]; asOf: string; offset?: number }
export interface Exchange extends Asking { answer: Answer }
export interface Suggestion { question: string; company: Named | null }

export interface Block { kind: string; level: number; start: number; end: number; segments: Segment[] }
export interface WholePolicy extends Policy { company: Named; blocks: Block[]; headings: { text: string; start: number }[] }

/** What the views of answers need of the chat that they stand in. */
export interface Context {
  server: import("./server.js").Server;
  words: Strings;
  /** Whether the chat is the page itself: links open here. */
  isPage: boolean;
  /** Whether companies were given beside the question: whom else it names is then not covered. */
  isRestricted(asking: Asking): boolean;
  ask(question: string, more?: Partial<Asking>): void;
  change(question: string): void;
  copier(words: string, text: () => string): HTMLElement;
  contact(): HTMLElement | null;
  linkTo(exchange: Exchange): string;
}
