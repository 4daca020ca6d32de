// The page: pictures in, results and a table out. Nothing is kept when the page is closed.

import { connect } from "./camera.js";
import { article, percent } from "./faces.js";
import { NeedsToken, analyze, health, useToken } from "./server.js";

const CAMERA = "camera.jpg";
const at = (id) => document.getElementById(id);
const tables = new Map(); // CSV by article, in the order of the page
let facts = null;

function tell(text, bad = false) {
  at("status").textContent = text;
  at("status").className = bad ? "bad" : "";
}

function complain(error) {
  if (error instanceof NeedsToken) {
    at("login").hidden = false;
    at("token").focus();
  }
  tell(error.message, true);
}

async function greet() {
  try {
    facts = await health();
  } catch (error) {
    complain(error);
    return;
  }
  at("login").hidden = true;
  tell("");
  const { name, sha256, test } = facts.model;
  at("model").textContent = `Network ${name} (SHA-256 ${sha256}), detector ${facts.detector}.`;
  if (test) {
    const share = `${(100 * test.accuracy).toFixed(2)} % of ${test.n.toLocaleString("en")}`;
    at("accuracy").textContent =
      `It agrees with people's labels on ${share} test images of FER2013: it is often wrong.`;
  }
}

/** Analyses a picture and shows it, in the place of another article or at the end. */
async function look(file, name, instead = null) {
  if (!facts) await greet();
  if (!facts) return null;
  if (file.size > facts.limits.megabytes * 1e6) {
    throw new Error(`${name} must be at most ${facts.limits.megabytes} MB. Shrink it.`);
  }
  await check(file, name);
  const answer = await analyze(file, name, { csv: true });
  const made = await article(file, name, answer, facts.model.classes);
  if (instead?.isConnected) {
    tables.delete(instead);
    instead.replaceWith(made);
  } else {
    at("results").append(made);
  }
  tables.set(made, answer.csv);
  at("tools").hidden = false;
  tell(`${name}: ${answer.rows.map(summary).join("; ")}`);
  return made;
}

/** Refuses what cannot be read, such as a folder, before fetch fails as without a server. */
async function check(file, name) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Error(`${name} cannot be read. If it is a folder, choose the photographs in it.`);
  }
}

const summary = (row) => (row.success ? `${row.label} ${percent(row.probability)}` : row.reason);

async function lookAtAll(files) {
  for (const [number, file] of [...files].entries()) {
    tell(`Analysing ${number + 1} of ${files.length}: ${file.name}`);
    try {
      await look(file, file.name);
    } catch (error) {
      complain(error);
      if (number + 1 < files.length) await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

function download() {
  const inOrder = [...at("results").children].map((made) => tables.get(made));
  const lines = inOrder.map((csv, number) => (number ? csv.slice(csv.indexOf("\n") + 1) : csv));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines, { type: "text/csv" }));
  link.download = "expressions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function clear() {
  at("results").replaceChildren();
  tables.clear();
  at("tools").hidden = true;
  tell("Results removed.");
  at("files").focus();
}

at("files").addEventListener("change", async (event) => {
  const files = [...event.target.files];
  event.target.value = ""; // so that the same file can be chosen again
  await lookAtAll(files);
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", () => at("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  lookAtAll(event.dataTransfer.files);
});
at("download").addEventListener("click", download);
at("clear").addEventListener("click", clear);
at("login").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken(at("token").value);
  greet();
});

let live = null;
connect(
  { ...Object.fromEntries(["camera", "live", "video", "frame", "repeat"].map((id) => [id, at(id)])),
    noCamera: at("no-camera") },
  async (file) => {
    try {
      live = await look(file, CAMERA, live);
    } catch (error) {
      complain(error);
    }
  },
  (text) => tell(text, true),
);
greet();
