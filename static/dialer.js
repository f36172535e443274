// The pages work without this file. It saves a click and keeps hidden tabs quiet.
"use strict";

// The theme is previewed by the stylesheet; choosing it is enough, no second click.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-submit-on-change]");
  if (form) form.requestSubmit();
});

// Polling stops while the tab is hidden and catches up at once when it returns.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.matches("[data-polls]")) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  document.querySelectorAll("[data-polls]").forEach((part) => htmx.trigger(part, "catch-up"));
});

// A part whose form is being filled in is not swapped away under the fingers.
const inUse = (form) => form.contains(document.activeElement)
  || [...form.elements].some((field) => field.defaultValue !== undefined && field.type !== "hidden" && field.value !== field.defaultValue);
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  if (part.matches("[data-polls]") && [...part.querySelectorAll("form[data-keep]")].some(inUse)) event.preventDefault();
});

// A button is not swapped away between its press and its release: the click would be lost.
let pressed = false;
document.addEventListener("pointerdown", () => { pressed = true; });
["pointerup", "pointercancel"].forEach((kind) => document.addEventListener(kind, () => { pressed = false; }));
document.addEventListener("htmx:beforeSwap", (event) => {
  if (pressed && event.detail.target.matches("[data-polls]")) event.detail.shouldSwap = false;
});

// A slider says its value in words.
document.addEventListener("input", (event) => {
  const shown = document.getElementById(event.target.dataset.shows ?? "");
  if (shown) shown.textContent = Number(event.target.value).toLocaleString("en-IN");
});

// A swap keeps open folds, and lets a figure that changed flash once.
let folds = [];
let figures = new Map();
document.addEventListener("htmx:beforeSwap", () => {
  folds = [...document.querySelectorAll("details[open][id]")].map((fold) => fold.id);
  figures = new Map([...document.querySelectorAll("[data-figure]")].map((figure) => [figure.id, figure.textContent]));
});
document.addEventListener("htmx:afterSettle", () => {
  folds.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  document.querySelectorAll("[data-figure]").forEach((figure) => {
    const before = figures.get(figure.id);
    if (before !== undefined && before !== figure.textContent) figure.classList.add("changed");
  });
});

// Figures that could not be refreshed twice in a row are dimmed until they can.
const failures = new Map();
document.addEventListener("htmx:afterRequest", (event) => {
  const part = event.detail.elt;
  if (!part.matches("[data-polls]")) return;
  const failed = event.detail.successful ? 0 : (failures.get(part.id) ?? 0) + 1;
  failures.set(part.id, failed);
  document.getElementById(part.id)?.classList.toggle("stale", failed > 1);
});

// A drawer closes with Escape; its cross is a link that leads back to where it was opened.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector(".drawer [data-close]")?.click();
});

const megabytes = (bytes) => (bytes / (1024 * 1024)).toFixed(1);

// A file may be dropped on the whole field, which then says its name.
const readyToDrop = () => document.querySelectorAll(".drop").forEach((field) => {
  const input = field.querySelector("input[type=file]");
  const over = (event) => { event.preventDefault(); field.classList.add("is-over"); };
  ["dragenter", "dragover"].forEach((kind) => field.addEventListener(kind, over));
  field.addEventListener("dragleave", () => field.classList.remove("is-over"));
  field.addEventListener("drop", (event) => {
    event.preventDefault();
    field.classList.remove("is-over");
    if (event.dataTransfer.files.length !== 1) {
      field.querySelector(".drop__title").textContent = "Drop one file, or choose one";
      return;
    }
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change"));
  });
  input.addEventListener("change", () => {
    const [file] = input.files;
    if (file) field.querySelector(".drop__title").textContent = `${file.name}, ${megabytes(file.size)} MB`;
  });
});
readyToDrop();

// A file that misses the field must not take the place of the page.
["dragover", "drop"].forEach((kind) => document.addEventListener(kind, (event) => {
  if (document.querySelector(".drop") && event.dataTransfer?.types.includes("Files")) event.preventDefault();
}));

// An upload says how far it is, and can be stopped. Its answer is the next page, or this one with what is wrong.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const file = form.matches("form[data-uploads]") && form.querySelector("input[type=file]").files[0];
  if (!file) return;
  event.preventDefault();
  form.querySelectorAll(".upload").forEach((told) => told.remove());
  const told = Object.assign(document.createElement("div"), { className: "upload stack stack--s" });
  const bar = Object.assign(document.createElement("progress"), { max: 100, value: 0 });
  const words = Object.assign(document.createElement("p"), { className: "small" });
  const stop = Object.assign(document.createElement("button"), { type: "button", className: "btn btn--s", textContent: "Stop the upload" });
  const act = Object.assign(document.createElement("div"), { className: "row" });
  bar.setAttribute("aria-label", `Uploading ${file.name}`);
  act.append(stop);
  told.append(bar, words, act);
  form.prepend(told);
  const busy = (yes) => form.querySelectorAll("button[type=submit]").forEach((button) => { button.disabled = yes; });
  const over = (why) => {
    busy(false);
    told.replaceChildren(words);
    words.setAttribute("role", "alert");
    words.textContent = why;
  };
  const most = Number(form.dataset.most);
  if (most && file.size > most) {
    over(`The file has ${megabytes(file.size)} MB, more than the ${megabytes(most)} MB that can be taken. Split it, and upload the parts into the same list.`);
    return;
  }
  busy(true);
  const sent = new XMLHttpRequest();
  sent.upload.addEventListener("progress", (part) => {
    if (!part.lengthComputable) return;
    bar.value = Math.floor((100 * part.loaded) / part.total);
    words.textContent = `${megabytes(part.loaded)} of ${megabytes(part.total)} MB uploaded, ${bar.value} %`;
  });
  sent.upload.addEventListener("load", () => {
    bar.value = 100;
    act.remove();
    words.setAttribute("role", "status");
    words.textContent = `${megabytes(file.size)} MB uploaded; the file is being read`;
  });
  sent.addEventListener("load", () => {
    if (sent.status < 400) { location.assign(sent.responseURL); return; }
    const answer = new DOMParser().parseFromString(sent.responseText, "text/html").querySelector("main");
    if (!answer) { over("The server could not take the file. Reload the page and try again."); return; }
    document.querySelector("main").replaceWith(answer);
    readyToDrop();
  });
  sent.addEventListener("error", () => over("The connection broke off. Try again."));
  sent.addEventListener("abort", () => over("Stopped; nothing was uploaded."));
  stop.addEventListener("click", () => sent.abort());
  sent.open("POST", form.action);
  sent.send(new FormData(form));
});

// Toasts leave by themselves; what must be read is a callout.
document.querySelectorAll(".toast").forEach((toast) => setTimeout(() => toast.remove(), 8000));

// A button that copies all raw events of a call; without a clipboard it is not shown.
document.querySelectorAll("[data-copy-all]").forEach((button) => {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const parts = document.getElementById(button.dataset.copyAll).querySelectorAll("pre");
    await navigator.clipboard.writeText([...parts].map((part) => part.textContent).join("\n\n"));
    const word = button.querySelector("span");
    word.textContent = "Copied";
    setTimeout(() => { word.textContent = "Copy all"; }, 2000);
  });
});

// A link that copies its address; without a clipboard it stays a link.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-copy]");
  if (!link || !navigator.clipboard) return;
  event.preventDefault();
  await navigator.clipboard.writeText(link.dataset.copy);
  const word = link.querySelector("span") ?? link;
  const before = word.textContent;
  word.textContent = "Copied";
  setTimeout(() => { word.textContent = before; }, 2000);
});
