// The board's script. The server renders; this swaps what changed, ticks ages, and above all never lets a dead line look
// like a quiet night: without a heartbeat for 4 s the red banner stands. Without this script the page reloads itself.
"use strict";
(() => {
  const page = document.body.dataset;
  const texts = JSON.parse(page.texts);
  const byId = (id) => document.getElementById(id);
  const board = byId("board");
  /// Two heartbeats are lost before we believe it; with the check twice a second the banner stands within 5 s.
  const lineTimeout = 4000;
  let clockSkew = Number(page.now) - Date.now(); // Ages follow the hub's clock, not this machine's.
  let zone = Number(page.zone);
  let revision = page.revision;
  let lastBeat = performance.now();
  let isLineUp = true;
  let isCoreLive = byId("banner-core").hidden;
  let isReadable = byId("banner-read").hidden;
  let mismatches = 0;
  let fading = 0;
  const baseTitle = document.title;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const hubNow = () => Date.now() + clockSkew;

  function ageText(since) {
    const s = Math.max(0, Math.floor((hubNow() - since) / 1000));
    if (s < 5) return texts.age.now;
    if (s < 60) return fill(texts.age.seconds, { n: s });
    if (s < 3600) return fill(texts.age.minutes, { n: Math.floor(s / 60) });
    if (s < 86400) return fill(texts.age.hours, { n: Math.floor(s / 3600), m: Math.floor(s / 60) % 60 });
    return fill(texts.age.days, { n: Math.floor(s / 86400) });
  }
  function waitText(until) {
    const s = Math.max(0, Math.floor((until - hubNow()) / 1000));
    if (s < 1) return texts.wait.due;
    if (s < 120) return fill(texts.wait.seconds, { n: s });
    if (s < 7200) return fill(texts.wait.minutes, { n: Math.floor(s / 60) });
    return fill(texts.wait.hours, { n: Math.floor(s / 3600) });
  }
  function set(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  function tick() {
    for (const e of document.querySelectorAll("[data-since]")) set(e, ageText(Number(e.dataset.since)));
    for (const e of document.querySelectorAll("[data-until]")) set(e, waitText(Number(e.dataset.until)));
  }
  function showTrust() {
    byId("banner-core").hidden = isCoreLive || !isLineUp;
    byId("banner-read").hidden = isReadable || !isLineUp || !isCoreLive;
    byId("banner-line").hidden = isLineUp;
    byId("core-status").classList.toggle("core-lost", !(isCoreLive && isLineUp));
    if (board) board.classList.toggle("blind", !(isCoreLive && isLineUp && isReadable));
    const counts = board?.querySelector("[data-open]")?.dataset;
    const open = counts ? Number(counts.open) : 0;
    const mark = isCoreLive && isLineUp && isReadable ? (open ? `(${open}) ` : "") : "⚠ ";
    if (document.title !== mark + baseTitle) document.title = mark + baseTitle;
  }

  /// Puts the new fragment in place, keeping every card that did not change: focus, selection and flashing go on.
  function swap(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").body;
    const old = new Map([...board.querySelectorAll("li.card")].map((card) => [card.id, card]));
    const focused = board.contains(document.activeElement) ? document.activeElement.id : "";
    const announcer = byId("announcer");
    for (const card of fresh.querySelectorAll("li.card")) {
      const before = old.get(card.id);
      const print = fingerprint(card);
      if (before && before.fingerprint === print) card.replaceWith(before);
      else card.fingerprint = print;
      if (!before) {
        const line = document.createElement("p");
        line.textContent = card.dataset.announce;
        announcer.append(line);
      }
    }
    while (announcer.childElementCount > 5) announcer.firstElementChild.remove();
    board.replaceChildren(...fresh.childNodes);
    if (focused && document.activeElement?.id !== focused) (byId(focused) ?? board).focus({ preventScroll: true });
    tick();
    showTrust();
  }
  function fingerprint(card) {
    const copy = card.cloneNode(true);
    for (const e of copy.querySelectorAll("[data-since],[data-until]")) e.textContent = "";
    return copy.outerHTML;
  }

  function beat(data) {
    lastBeat = performance.now();
    isLineUp = true;
    clockSkew = data.now - Date.now();
    zone = data.zone;
    isCoreLive = data.core === "live";
    isReadable = data.readable;
    set(byId("core-since"), data.since);
    if (isCoreLive && isReadable) {
      set(byId("updated"), new Date(data.now + zone * 1000).toISOString().slice(11, 19));
    }
    const ends = byId("banner-session");
    ends.hidden = data.endsIn > 900;
    if (!ends.hidden) set(ends, fill(texts.sessionEnds, { wait: waitText(hubNow() + data.endsIn * 1000) }));
    // A board that is announced but never arrives: fetch the page anew rather than show an old one.
    mismatches = board && String(data.revision) !== revision ? mismatches + 1 : 0;
    if (mismatches > 2) location.reload();
    if (!board && data.newest > Number(page.now)) byId("new-alert").hidden = false;
    showTrust();
  }

  function listen() {
    const source = new EventSource("/hendelser");
    source.addEventListener("heartbeat", (event) => beat(JSON.parse(event.data)));
    source.addEventListener("board", (event) => {
      revision = event.lastEventId;
      if (board) swap(event.data);
    });
    source.addEventListener("signed-out", () => location.assign("/"));
    source.addEventListener("error", () => {
      // A refused stream (signed out, server full) is closed for good by the browser: ask again, by our own clock.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => askAgain(listen), 2000);
    });
  }
  /// Signed out shows the sign-in page; anything else waits on.
  function askAgain(then) {
    fetch("/", { redirect: "manual", cache: "no-store" })
      .then((response) => (response.status === 401 ? location.assign("/") : then()))
      .catch(() => setTimeout(() => askAgain(then), 2000));
  }

  async function act(event) {
    const button = event.target.closest("button[formaction]");
    if (!button || event.button) return;
    event.preventDefault();
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    byId("failure").hidden = true;
    byId("success").hidden = true;
    try {
      const response = await fetch(button.getAttribute("formaction"), {
        method: "POST", body: new URLSearchParams(new FormData(button.form)), headers: { accept: "application/json" },
        signal: AbortSignal.timeout(8000),
      });
      if (response.status === 401) return location.assign("/");
      const answer = await response.json();
      const place = byId(answer.kind === "problem" ? "failure" : "success");
      place.className = `notice notice-${answer.kind}`;
      place.textContent = answer.text;
      place.hidden = false;
      // What failed stays until the next try; what succeeded is soon seen on the board itself.
      clearTimeout(fading);
      fading = setTimeout(() => (byId("success").hidden = true), 12000);
    } catch {
      byId("failure").textContent = texts.actionFailed;
      byId("failure").hidden = false;
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  if (board) {
    for (const card of board.querySelectorAll("li.card")) card.fingerprint = fingerprint(card);
    board.addEventListener("click", act);
  }
  setInterval(() => {
    if (isLineUp && performance.now() - lastBeat > lineTimeout) {
      isLineUp = false;
      showTrust();
    }
  }, 500);
  setInterval(tick, 1000);
  tick();
  showTrust();
  listen();
})();
