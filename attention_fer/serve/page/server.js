// Requests to the server that serves this page.

// The part after # is never sent; the server prints an address that has the token there.
let token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";

/** Whether a token is missing or wrong. */
export class NeedsToken extends Error {}

export function useToken(given) {
  token = given.trim();
}

export const health = () => request("health");

/** Sends a picture, with fields of POST /analyze. */
export function analyze(file, name, fields = {}) {
  const form = new FormData();
  form.set("img", file, name);
  form.set("enforce_detection", "false");
  for (const [field, value] of Object.entries(fields)) form.set(field, String(value));
  return request("analyze", { method: "POST", body: form });
}

async function request(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  const answer = await content(response);
  if (response.status === 401) throw new NeedsToken(answer.error);
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

/** Returns the JSON of an answer. What stands in front of the server may refuse with a page. */
async function content(response) {
  try {
    return await response.json();
  } catch {
    throw new Error(`The answer (status ${response.status}) does not come from this server.`);
  }
}
