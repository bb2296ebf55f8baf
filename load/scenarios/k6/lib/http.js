// Requests that are repeated, with the same id, while nobody knows or nobody could.

import http from 'k6/http';
import { sleep } from 'k6';

const ATTEMPTS = 6;
const PAUSE_MAX_SECONDS = 3;
const TIMEOUT = '10s';

// 409 is how a shop says no. Whatever else a call may answer, it says itself.
http.setResponseCallback(http.expectedStatuses({ min: 200, max: 299 }, 409));

/** Parameters of a request: its name in the metrics, a token, and what it expects beside 2xx and 409. */
export function params(name, { token = '', headers = {}, expected = [] } = {}) {
  const made = {
    tags: { name },
    timeout: TIMEOUT,
    headers: { 'Content-Type': 'application/json', ...headers },
  };
  if (token) made.headers.Authorization = `Bearer ${token}`;
  if (expected.length > 0) {
    made.responseCallback = http.expectedStatuses({ min: 200, max: 299 }, 409, ...expected);
  }
  return made;
}

/** The last answer to a request, and whether an attempt before it may have taken effect (`inDoubt`). */
class Answer {
  constructor(response, inDoubt) {
    this.response = response;
    this.inDoubt = inDoubt;
    this.status = response.status;
  }

  get headers() {
    return this.response.headers;
  }

  get body() {
    return this.response.body;
  }

  /** The body, or what the path leads to in it. */
  json(...path) {
    return this.response.json(...path);
  }
}

/** The answer to the request, or the last of the bounded attempts to get one. The request must be safe to repeat. */
export function send(method, url, body, params) {
  const text = body === null ? null : JSON.stringify(body);
  let inDoubt = false;
  for (let attempt = 1; ; attempt += 1) {
    const response = http.request(method, url, text, params);
    if (isSettled(response) || attempt === ATTEMPTS) return new Answer(response, inDoubt);
    inDoubt = inDoubt || [0, 502, 504].includes(response.status);
    sleep(pauseSeconds(response, attempt));
  }
}

/** Whether the answer decides anything: not a lost connection, an overload, or a neighbour that is away. */
export function isSettled(answer) {
  return ![0, 429, 502, 503, 504].includes(answer.status);
}

export function isDone(answer) {
  return answer.status >= 200 && answer.status < 300;
}

/** Whether the server says that it had done this before. */
export function isReplay(answer) {
  return answer.headers['Idempotent-Replayed'] === 'true';
}

/** The problem's code, or the bare status where there is none. */
export function codeOf(answer) {
  return problemOf(answer).code || `HTTP_${answer.status}`;
}

/** The body of a refusal; empty where there is no JSON. */
export function problemOf(answer) {
  try {
    return answer.json() || {};
  } catch {
    return {};
  }
}

function pauseSeconds(answer, attempt) {
  const asked = Number(answer.headers && answer.headers['Retry-After']);
  const own = 0.1 * 2 ** (attempt - 1);
  const pause = Math.min(PAUSE_MAX_SECONDS, asked > 0 ? asked : own);
  // Those who were turned away together do not come back together.
  return pause * (0.75 + Math.random() / 2);
}
