// Requests to the service that this page is from, and their failures in words.

const ROOT = new URL("..", import.meta.url);
const TIMEOUT_MS = 30_000;

/** The address of `path`, which begins without a slash, on this service. */
export function url(path) {
  return new URL(path, ROOT);
}

/** The response to a GET, or to a POST of `body`; throws what `inWords` tells. */
export async function request(path, { body, type = "application/json", accept, signal } = {}) {
  const headers = {};
  const token = document.querySelector("main[data-page]")?.dataset.token;
  if (token) headers.Authorization = `Bearer ${token}`;
  if (accept) headers.Accept = accept;
  if (body !== undefined) headers["Content-Type"] = type;
  const signals = [AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])];
  const options = { method: body === undefined ? "GET" : "POST", headers, body, credentials: "omit", signal: AbortSignal.any(signals) };
  const response = await fetch(url(path), options).catch((error) => {
    throw Object.assign(error, { unreached: true });
  });
  if (response.ok) return response;
  const told = (response.headers.get("content-type") ?? "").startsWith("application/problem+json");
  const problem = told ? await response.json() : null;
  const retryAfter = Number(response.headers.get("retry-after")) || null;
  throw Object.assign(new Error("refused"), { status: response.status, problem, retryAfter });
}

export async function json(path, { signal } = {}) {
  return (await request(path, { signal })).json();
}

/** The events of a stream as [name, data]; throws where it breaks off or tells a problem. */
export async function* events(response) {
  let rest = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const whole = (rest + value).split("\n\n");
    rest = whole.pop();
    for (const event of whole) {
      const fields = Object.fromEntries(event.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
      const data = JSON.parse(fields.data);
      if (fields.event === "problem") throw Object.assign(new Error("refused"), { status: data.status, problem: data });
      yield [fields.event, data];
    }
  }
}

/** What a failed request means: a title, and what to do. */
export function inWords(error) {
  const { problem, status, retryAfter } = error;
  const again = retryAfter ? `Go on in ${retryAfter} seconds.` : "Go on in a moment.";
  if (error.name === "TimeoutError") return ["The server takes too long", "It did not answer within half a minute. Try again in a while."];
  if (status === 429) return ["Too many requests in a short time", again];
  if (status === 503) return [problem?.title ?? "The server is busy", again];
  if (status === 401 || status === 403) {
    return ["This page may not ask here", `The server says: ${problem?.title ?? `error ${status}`}. Whoever runs it can give the page a token with page_token.`];
  }
  if (status === 413) return ["This table is too large for the server", "Filter it, or write it with the command askpolicy compare."];
  if (problem) return [problem.title, problem.detail];
  if (status) return [`The server answered with an error (${status})`, "Try again in a while."];
  if (error.cutOff) return ["The table was cut off", "The connection broke while it came. Go on from there."];
  if (!error.unreached) return ["The server's answer could not be read", "Try again; if it stays so, tell whoever runs the server."];
  return ["The server cannot be reached", "Check the connection, and that the server runs; then try again."];
}
