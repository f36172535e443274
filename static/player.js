// The recording plays without this file. It adds the waveform's slider, keys, speed and links to a moment (#t=0:31).
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const STEP = 5; // seconds of an arrow key

  const clock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const parts = [Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
    if (whole >= 3600) parts.splice(0, 1, Math.floor(whole / 3600), String(parts[0]).padStart(2, "0"));
    return parts.join(":");
  };

  // "#t=0:31", "#t=1:02:03" or "#t=31" in seconds; null for any other address.
  const moment = (hash) => {
    const found = /^#t=(\d+(?::[0-5]?\d){0,2}(?:\.\d+)?)$/.exec(hash);
    return found ? found[1].split(":").reduce((sum, part) => sum * 60 + Number(part), 0) : null;
  };

  const element = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  };

  // The part that was played lies over the lane: the same path, cut off where the playing is.
  const overlay = (lane) => {
    const path = lane.querySelector(".later").cloneNode();
    path.setAttribute("class", "played");
    const played = element("svg", { height: 52, overflow: "hidden", preserveAspectRatio: "none" });
    played.append(path);
    const now = element("line", { class: "now", y1: 0, y2: 52 });
    lane.querySelector("svg").after(played, now);
    return (share) => {
      const wide = Math.max(share * 1000, 0.1);
      played.setAttribute("width", `${wide / 10}%`);
      played.setAttribute("viewBox", `0 0 ${wide} 100`);
      now.setAttribute("x1", `${share * 100}%`);
      now.setAttribute("x2", `${share * 100}%`);
    };
  };

  const start = (box) => {
    const audio = box.querySelector("audio");
    const wave = box.querySelector("[data-wave]");
    const lanes = [...box.querySelectorAll("[data-lane]")];
    const shown = lanes.map(overlay);
    const marks = [...box.querySelectorAll("[data-at]")].map((mark) => Number(mark.dataset.at));
    const turns = [...document.querySelectorAll("a.turn__at[href^='#t=']")];
    const told = Number(box.dataset.seconds);
    const length = () => (Number.isFinite(audio.duration) && audio.duration > 0 ? audio.duration : told);

    const seek = (to) => {
      audio.currentTime = Math.min(Math.max(0, to), length());
      show();
    };
    const toggle = () => (audio.paused ? audio.play().catch(() => show()) : audio.pause());

    const show = () => {
      const at = audio.currentTime;
      const whole = length();
      shown.forEach((draw) => draw(whole ? Math.min(1, at / whole) : 0));
      box.querySelector("[data-clock] b").textContent = clock(at);
      box.querySelectorAll("[data-play]").forEach((button) => {
        button.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
        button.querySelector("[data-when=paused]").hidden = !audio.paused;
        button.querySelector("[data-when=playing]").hidden = audio.paused;
      });
      if (wave) {
        wave.setAttribute("aria-valuemax", Math.round(whole));
        wave.setAttribute("aria-valuenow", Math.round(at));
        wave.setAttribute("aria-valuetext", `${clock(at)} of ${clock(whole)}${audio.paused ? "" : ", playing"}`);
      }
      const now = turns.filter((turn) => moment(turn.hash) <= at + 0.05).pop();
      turns.forEach((turn) => turn.closest(".turn")?.classList.toggle("is-now", turn === now && at > 0));
    };

    // The next line of the talk in a direction (the next marker where nothing was said), else the end or the beginning.
    const said = [...new Set(turns.map((turn) => moment(turn.hash)).filter((at) => at !== null))].sort((a, b) => a - b);
    const lines = said.length ? said : marks;
    const jump = (onward) => {
      const at = audio.currentTime;
      const there = onward ? lines.find((line) => line > at + 0.3) : lines.findLast((line) => line < at - 0.7);
      seek(there ?? (onward ? length() : 0));
    };

    const keys = {
      " ": toggle,
      Enter: toggle,
      ArrowLeft: () => seek(audio.currentTime - STEP),
      ArrowRight: () => seek(audio.currentTime + STEP),
      PageDown: () => seek(audio.currentTime - 6 * STEP),
      PageUp: () => seek(audio.currentTime + 6 * STEP),
      ArrowUp: () => jump(false),
      ArrowDown: () => jump(true),
      Home: () => seek(0),
      End: () => seek(length()),
    };

    // Where nobody makes a sound, as [from, to] in seconds.
    const silences = (box.dataset.silences ?? "").split(" ").filter(Boolean).map((span) => span.split("-").map(Number));
    const skip = box.querySelector("[data-skip]");
    const hurry = () => {
      if (audio.paused || skip?.getAttribute("aria-pressed") !== "true") return;
      const silence = silences.find(([from, to]) => audio.currentTime > from + 0.3 && audio.currentTime < to - 0.4);
      if (silence) seek(silence[1] - 0.2);
    };
    if (skip) {
      skip.hidden = false;
      skip.addEventListener("click", () => skip.setAttribute("aria-pressed", skip.getAttribute("aria-pressed") !== "true"));
      audio.addEventListener("timeupdate", hurry);
    }

    // Space plays and the arrows seek wherever nothing else has the keys; up and down scroll the page there.
    document.addEventListener("keydown", (event) => {
      const free = event.target === document.body || event.target.id === "main";
      if (!free || event.ctrlKey || event.metaKey || event.altKey || ![" ", "ArrowLeft", "ArrowRight"].includes(event.key)) return;
      event.preventDefault();
      keys[event.key]();
    });

    const follow = (event) => {
      const lane = lanes[0].getBoundingClientRect();
      seek(((event.clientX - lane.left) / lane.width) * length());
    };

    if (wave) {
      Object.entries({ role: "slider", tabindex: 0, "aria-label": "Position", "aria-valuemin": 0 }).forEach(
        ([name, value]) => wave.setAttribute(name, value),
      );
      wave.addEventListener("keydown", (event) => {
        const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
        if (!act) return;
        event.preventDefault();
        act();
      });
      wave.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        wave.setPointerCapture(event.pointerId);
        follow(event);
      });
      wave.addEventListener("pointermove", (event) => {
        if (wave.hasPointerCapture(event.pointerId)) follow(event);
      });
      audio.hidden = true;
      box.querySelectorAll("[data-play], [data-clock], [data-speeds], [data-keys]").forEach((part) => (part.hidden = false));
    }

    box.querySelectorAll("[data-play]").forEach((button) => button.addEventListener("click", toggle));
    box.querySelectorAll("[data-speed]").forEach((button) =>
      button.addEventListener("click", () => {
        audio.playbackRate = Number(button.dataset.speed);
        box.querySelectorAll("[data-speed]").forEach((one) => one.setAttribute("aria-pressed", one === button));
      }),
    );
    ["timeupdate", "play", "pause", "ended", "seeked", "durationchange"].forEach((name) => audio.addEventListener(name, show));

    const go = (hash) => {
      const to = moment(hash);
      if (to === null) return;
      if (audio.readyState) seek(to);
      else audio.addEventListener("loadedmetadata", () => seek(to), { once: true });
    };
    // The link that stands in the address already changes no hash when it is clicked again.
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='#t=']");
      if (link) go(link.hash);
    });
    window.addEventListener("hashchange", () => go(location.hash));
    go(location.hash);
    show();
  };

  document.querySelectorAll("[data-player]").forEach(start);
})();
