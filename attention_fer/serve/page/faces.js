// The results of one picture: the picture with boxes, and bars for each face.

import { drawn, painted } from "./drawing.js";
import { analyze } from "./server.js";

const UNCERTAIN = 0.5;

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Returns an element with a text and a class. */
export function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

/** Returns an article about a picture.
 *
 * file: what was sent; name: of the picture; answer: of the server; classes: of the network.
 */
export async function article(file, name, answer, classes) {
  const whole = element("article");
  whole.append(element("h2", name));
  const beside = element("div", "", "beside");
  try {
    const picture = element("div", "", "picture");
    picture.append(drawn(await createImageBitmap(file), answer.rows, name));
    beside.append(picture);
  } catch {
    beside.append(element("p", "This browser cannot display this picture format.", "soft"));
  }
  const faces = element("div");
  faces.append(...answer.rows.map((row) => card(row, file, name, classes)));
  beside.append(faces);
  whole.append(beside);
  return whole;
}

function card(row, file, name, classes) {
  if (!row.success) {
    const which = row.face_id === null ? "" : `Face ${row.face_id + 1}: `;
    return element("p", `${which}${row.reason}`, "face");
  }
  const made = element("section", "", "face");
  const title = `Face ${row.face_id + 1}: ${row.label} ${percent(row.probability)}`;
  made.append(element("h3", title));
  if (row.probability < UNCERTAIN) made.append(element("p", "uncertain", "soft"));
  made.append(bars(row, classes));
  const button = element("button", "What the network looked at");
  button.type = "button";
  button.addEventListener("click", () => show(button, row, file, name));
  made.append(button);
  return made;
}

function bars(row, classes) {
  const table = element("table");
  const head = element("caption", `Probabilities of face ${row.face_id + 1}`, "soft");
  table.append(head);
  for (const name of [...classes].sort((a, b) => row[b] - row[a])) {
    const line = element("tr", "", name === row.label ? "best" : "");
    const title = element("th", name);
    title.scope = "row";
    const bar = element("td", "", "bar");
    bar.append(element("div"));
    bar.firstChild.style.width = `${100 * row[name]}%`;
    line.append(title, element("td", percent(row[name]), "share"), bar);
    table.append(line);
  }
  return table;
}

async function show(button, row, file, name) {
  button.disabled = true;
  const told = element("p", "Running the network …", "soft");
  told.setAttribute("role", "status");
  button.after(told);
  try {
    const found = (await analyze(file, name, { looked_at: row.face_id })).looked_at;
    const side = element("div", "", "maps");
    side.append(...figures(found));
    told.before(side);
    told.textContent = "These pictures explain the network. They say nothing about the person.";
    button.remove();
  } catch (error) {
    told.textContent = error.message;
    told.className = "bad";
    button.disabled = false;
  }
}

/** Returns what the network saw, and a map for each way to ask what mattered to it. */
function figures(found) {
  const size = `${found.width} × ${found.height}`;
  const made = [figure(found, [[0]], `What the network saw: ${size} pixels.`)];
  if (found.grad_cam) {
    const text = `Grad-CAM: where the network found evidence for “${found.label}”.`;
    made.push(figure(found, found.grad_cam, text));
  }
  const most = (100 * found.most).toFixed(1);
  const text =
    `Occlusion: hiding orange parts lowers the probability by up to ${most} points; hiding blue ` +
    "parts raises it.";
  made.push(figure(found, found.drop, text));
  return made;
}

function figure(found, map, text) {
  const made = element("figure");
  made.append(painted(found, map, text), element("figcaption", text, "soft"));
  return made;
}
