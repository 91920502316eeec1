// The service that the chat asks: where it is, requests, streamed answers.

/**
 * @typedef {import("./types").Answer} Answer
 * @typedef {import("./types").Problem} Problem
 */

// Problems of the service that have words of their own.
const KEY_PROBLEMS = ["key-missing", "key-unknown", "key-expired", "foreign-origin"];
const VIOLATION_MS = 100;
const TIMEOUT_MS = 30_000;
// Where the bundle of all modules was loaded from.
const HERE = new URL(".", import.meta.url);

/** A request that got no answer; `kind` is one of `failures` of the strings. */
export class Failure extends Error {
  /** @param {string} kind @param {{ problem?: Problem | null, status?: number, retryAfter?: string | null }} [more] */
  constructor(kind, { problem = null, status = 0, retryAfter = null } = {}) {
    super(kind);
    this.kind = kind;
    this.problem = problem;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** A signal that aborts with any of `signals`, or when the time is over; `AbortSignal.any` is of 2024. @param {AbortSignal} [signal] */
function limited(signal) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Failure("slow")), TIMEOUT_MS);
  const stop = () => controller.abort(signal?.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    },
  };
}

export class Server {
  /** @param {{ address: string | null, token: string | null }} given the address, else that of this file */
  constructor({ address, token }) {
    this.base = new URL(address || HERE, document.baseURI);
    if (!this.base.pathname.endsWith("/")) this.base.pathname += "/";
    this.token = token;
  }

  /** @param {string} path */
  url(path) {
    return new URL(path, this.base);
  }

  /** What JSON is at `path`. @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
  async get(path, signal) {
    return this.#asked(path, { signal }, (response) => response.json());
  }

  /**
   * The answer to a question.
   * @param {Record<string, unknown>} body
   * @param {AbortSignal} signal
   * @param {(names: string[]) => void} tell hears whose policies are read
   * @returns {Promise<Answer>}
   */
  async ask(body, signal, tell) {
    const answer = await this.#asked("v1/ask", { body, signal }, (response) => {
      const streams = (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
      return streams && response.body ? streamed(response.body, tell) : response.json();
    });
    if (!Array.isArray(answer?.verdicts) || !Array.isArray(answer.passages)) throw new Failure("older");
    const parts = [answer, ...(answer.parts ??= [])];
    if (parts.some((part) => part.verdicts.some((/** @type {any} */ said) => !Array.isArray(said.quotations)))) throw new Failure("older");
    return answer;
  }

  /**
   * @template T
   * @param {string} path
   * @param {{ body?: Record<string, unknown>, signal?: AbortSignal }} options
   * @param {(response: Response) => Promise<T>} read
   */
  async #asked(path, { body, signal }, read) {
    const limit = limited(signal);
    /** @type {Record<string, string>} */
    const headers = {};
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    if (body) Object.assign(headers, { Accept: "text/event-stream, application/json", "Content-Type": "application/json" });
    const post = body ? { method: "POST", body: JSON.stringify(body) } : {};
    const url = this.url(path);
    const watching = new Blocked(url);
    try {
      const response = await fetch(url, { headers, signal: limit.signal, credentials: "omit", ...post }).catch(async (error) => {
        throw limit.signal.aborted ? error : await this.#unreached(watching);
      });
      if (!response.ok) throw await refusal(response, path);
      return await read(response);
    } catch (error) {
      if (limit.signal.reason instanceof Failure) throw limit.signal.reason;
      if (error instanceof Failure || signal?.aborted) throw error;
      throw new Failure(error instanceof SyntaxError ? "unreadable" : "cut");
    } finally {
      limit.end();
      watching.end();
    }
  }

  /** Why nothing came back: a browser tells a page nothing of it. @param {Blocked} watching */
  async #unreached(watching) {
    if (navigator.onLine === false) return new Failure("offline");
    // that a policy forbids a request is told a moment after it failed
    await new Promise((resolve) => { setTimeout(resolve, VIOLATION_MS); });
    if (watching.blocked) return new Failure("blocked");
    if (this.base.origin === location.origin) return new Failure("unreached");
    // what any page may load comes, though this page may not read it: the server runs
    const there = await fetch(this.url("widget.js"), { mode: "no-cors", cache: "no-store", credentials: "omit" }).catch(() => null);
    return new Failure(there ? "foreign" : "unreached");
  }
}

/** Whether the page's own policy keeps a request back. */
class Blocked {
  blocked = false;
  #url;

  /** @param {URL} url */
  constructor(url) {
    this.#url = url;
    document.addEventListener("securitypolicyviolation", this);
  }

  /** @param {SecurityPolicyViolationEvent} event */
  handleEvent(event) {
    if (event.blockedURI.startsWith(this.#url.origin) && event.effectiveDirective === "connect-src") this.blocked = true;
  }

  end() {
    document.removeEventListener("securitypolicyviolation", this);
  }
}

/** @param {Response} response @param {string} path */
async function refusal(response, path) {
  const { status, headers } = response;
  const tells = (headers.get("content-type") ?? "").startsWith("application/problem+json");
  const problem = tells ? await response.json().catch(() => null) : null;
  return refused(problem, status, headers.get("retry-after"), path);
}

/** @param {Problem | null} problem @param {number} status @param {string | null} retryAfter @param {string} path */
function refused(problem, status, retryAfter, path) {
  const slug = (problem?.type ?? "").split("/").pop() ?? "";
  const more = { problem, status, retryAfter };
  const kinds = /** @type {Record<number, string>} */ ({
    401: KEY_PROBLEMS.includes(slug) ? slug : "refused",
    403: KEY_PROBLEMS.includes(slug) ? slug : "refused",
    // an id may be unknown; an address of the contract is so only to a server from before it
    404: /^v1\/(ask|companies)/.test(path) ? "older" : "",
    405: "older",
    429: "rate",
    503: "busy",
  });
  return new Failure(kinds[status] || (problem ? "problem" : "status"), more);
}

/**
 * The answer that a stream of events ends with.
 * @param {ReadableStream<Uint8Array>} body
 * @param {(names: string[]) => void} tell
 * @returns {Promise<any>}
 */
async function streamed(body, tell) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let received = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Failure("cut");
    received = (received + decoder.decode(value, { stream: true })).replaceAll("\r\n", "\n");
    const events = received.split("\n\n");
    received = events.pop() ?? "";
    for (const event of events) {
      // by lines, for "." and "$" stop at U+2028, which a policy may hold
      const field = (/** @type {string} */ name) => event.split("\n").filter((line) => line.startsWith(name)).map((line) => line.slice(name.length).trim()).join("\n");
      const [name, data] = [field("event:"), field("data:")];
      if (name === "answer") return JSON.parse(data);
      if (name === "problem") {
        const problem = JSON.parse(data);
        throw refused(problem, problem.status, null, "v1/ask");
      }
      if (name === "companies") tell(JSON.parse(data).companies.map((/** @type {{ name: string }} */ company) => company.name));
    }
  }
}
