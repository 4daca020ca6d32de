// The results of one picture: the picture with boxes, and bars for each face.

import { drawn, maps } from "./drawing.js";
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
    side.append(...maps(found));
    told.before(side);
    told.textContent =
      `First, what the network saw: ${found.width} × ${found.height} pixels. Then, in orange, where ` +
      `the probability of “${found.label}” falls while a patch a third of the face wide hides ` +
      `that part, by up to ${(100 * found.most).toFixed(1)} points; in blue, where it rises. This ` +
      "is an experiment on the network (occlusion). It says nothing about the person.";
    button.remove();
  } catch (error) {
    told.textContent = error.message;
    told.className = "bad";
    button.disabled = false;
  }
}
