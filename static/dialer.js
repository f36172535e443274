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

// A file may be dropped on the whole field, which then says its name.
const readyToDrop = () => document.querySelectorAll(".drop").forEach((field) => {
  const input = field.querySelector("input[type=file]");
  const over = (event) => { event.preventDefault(); field.classList.add("is-over"); };
  ["dragenter", "dragover"].forEach((kind) => field.addEventListener(kind, over));
  field.addEventListener("dragleave", () => field.classList.remove("is-over"));
  field.addEventListener("drop", (event) => {
    event.preventDefault();
    field.classList.remove("is-over");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change"));
  });
  input.addEventListener("change", () => {
    if (input.files.length) field.querySelector(".drop__title").textContent = input.files[0].name;
  });
});
readyToDrop();

// An upload says how far it is. Its answer is the next page, or this one with what is wrong.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-uploads]") || !form.querySelector("input[type=file]").files.length) return;
  event.preventDefault();
  const sent = new XMLHttpRequest();
  const bar = document.createElement("progress");
  const words = document.createElement("p");
  words.className = "small";
  words.setAttribute("role", "status");
  bar.max = 100;
  form.prepend(bar, words);
  form.querySelectorAll("button[type=submit]").forEach((button) => { button.disabled = true; });
  sent.upload.addEventListener("progress", (part) => {
    if (!part.lengthComputable) return;
    bar.value = Math.floor((100 * part.loaded) / part.total);
    words.textContent = part.loaded < part.total ? `Uploading, ${bar.value} %` : "Uploaded; the file is being read";
  });
  sent.addEventListener("load", () => {
    if (sent.status < 400) { location.assign(sent.responseURL); return; }
    const answer = new DOMParser().parseFromString(sent.responseText, "text/html").querySelector("main");
    if (answer) { document.querySelector("main").replaceWith(answer); readyToDrop(); } else { form.submit(); }
  });
  sent.addEventListener("error", () => {
    bar.remove();
    words.textContent = "The connection broke off. Try again.";
    form.querySelectorAll("button[type=submit]").forEach((button) => { button.disabled = false; });
  });
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
