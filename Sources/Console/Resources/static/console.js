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
  let isKnown = page.known === "true";
  let isWell = isKnown && byId("banner-hub").hidden && byId("banner-part").hidden;
  let mismatches = 0;
  let fading = 0;
  const baseTitle = document.title;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const hubNow = () => Date.now() + clockSkew;

  /// `s` seconds in the words of a group of texts. Which unit is used from when on, and when its rest is said, comes with the page:
  /// the rule is the server's (`TimeSpan`), so that a text does not change when the script takes it over.
  function spanText(group, s) {
    const unit = texts.units.filter((u) => s >= u.from).pop();
    const n = Math.floor(s / unit.seconds);
    const rest = n < unit.restBelow ? Math.floor((s % unit.seconds) / unit.restSeconds) : 0;
    return fill(group[rest > 0 && group[unit.withRest] ? unit.withRest : unit.name], { n, rest });
  }
  function ageText(since) {
    const s = Math.max(0, Math.floor((hubNow() - since) / 1000));
    return s < 5 ? texts.age.now : spanText(texts.age, s);
  }
  function waitText(until) {
    const s = Math.max(0, Math.floor((until - hubNow()) / 1000));
    return s < 1 ? texts.wait.due : spanText(texts.wait, s);
  }
  function set(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  function tick() {
    for (const e of document.querySelectorAll("[data-since]")) set(e, ageText(Number(e.dataset.since)));
    for (const e of document.querySelectorAll("[data-until]")) set(e, waitText(Number(e.dataset.until)));
  }
  /// What the person is at stays where it is on the screen while things come and go above it: the card that has the focus or an
  /// answer, else the first in sight; at the very top of the page what is new may push.
  /// Call before a change; call what it gives after it.
  function anchor() {
    const cards = board ? [...board.querySelectorAll("li.card")] : [];
    const card =
      document.activeElement?.closest("li.card") ??
      cards.find((c) => c.querySelector(".card-notice")) ??
      (scrollY > 100 ? cards.find((c) => c.getBoundingClientRect().bottom > 120) : undefined);
    const before = card?.getBoundingClientRect().top;
    return () => {
      const now = card && byId(card.id);
      if (now) scrollBy(0, now.getBoundingClientRect().top - before);
    };
  }
  function showTrust() {
    const settle = anchor();
    showTrustNow();
    settle();
  }
  function showTrustNow() {
    byId("banner-core").hidden = isCoreLive || !isLineUp;
    byId("banner-read").hidden = isReadable || !isLineUp || !isCoreLive;
    byId("banner-line").hidden = isLineUp;
    const isHeard = isCoreLive && isLineUp;
    // What the hub last said of itself is old once it is lost.
    byId("banner-hub").hidden = !isHeard || !byId("hub-grave").childElementCount;
    byId("banner-part").hidden = !isHeard || !byId("hub-partial").childElementCount;
    byId("core-status").classList.toggle("core-lost", !isHeard);
    byId("core-status").classList.toggle("core-part", isHeard && !isWell);
    set(byId("core-part-text"), isKnown ? page.part : page.unknown);
    if (board) board.classList.toggle("blind", !(isHeard && isReadable && isWell));
    const counts = board?.querySelector("[data-open]")?.dataset;
    const open = counts ? Number(counts.open) : 0;
    let mark = isHeard && isReadable && isWell ? (open ? `(${open}) ` : "") : "⚠ ";
    if (isHeard && isReadable && !isWell && open) mark += `(${open}) `;
    if (document.title !== mark + baseTitle) document.title = mark + baseTitle;
  }

  /// What does not work, each a line; unchanged lines are left alone, so that nothing is read aloud twice.
  function list(holder, lines) {
    const now = [...holder.children].map((line) => line.textContent);
    if (now.length === lines.length && now.every((line, i) => line === lines[i])) return;
    holder.replaceChildren(
      ...lines.map((text) => {
        const line = document.createElement("li");
        line.textContent = text;
        return line;
      }),
    );
  }

  // MARK: What nobody at this screen has seen

  /// High alerts that have been in sight here, by card; a new press of the same button is a new card.
  const seen = new Set(JSON.parse(sessionStorage.getItem("seen") ?? "[]"));
  const inSight = new Map();
  /// In sight for this long counts as seen: a glance while scrolling does not.
  const glance = 1500;
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const id = target.closest("li.card")?.id;
        clearTimeout(inSight.get(id));
        inSight.delete(id);
        if (id && isIntersecting) inSight.set(id, setTimeout(() => see(id), glance));
      }
    },
    { threshold: 0.9 },
  );
  function see(id) {
    if (document.visibilityState !== "visible") return void inSight.set(id, setTimeout(() => see(id), glance));
    inSight.delete(id);
    seen.add(id);
    sessionStorage.setItem("seen", JSON.stringify([...seen].slice(-500)));
    pin();
  }
  /// The strip at the top: people of whom something is new, high and not seen yet, newest first as on the board. What concerns the
  /// hub has its banner.
  function pin() {
    if (!board) return;
    const strip = byId("unseen");
    const cards = [...board.querySelectorAll(".open li.card.high:not(.taken)")].filter((card) => !seen.has(card.id) && !inSight.has(card.id));
    strip.hidden = cards.length === 0;
    const print = cards.map((card) => card.id).join(" ");
    if (strip.dataset.print === print) return;
    strip.dataset.print = print;
    const [before, after] = texts.unseen[cards.length === 1 ? "one" : "many"].split("{list}");
    strip.replaceChildren(fill(before, { n: cards.length }));
    for (const [i, card] of cards.slice(0, 3).entries()) {
      const link = document.createElement("a");
      link.href = `#${card.id}`;
      link.textContent = `${textOf(card, "h3")} – ${card.dataset.short}`;
      strip.append(i ? " · " : "", link);
    }
    strip.append(cards.length > 3 ? " …" : "", after ?? "");
  }
  function goTo(event) {
    const link = event.target.closest("a");
    const card = link && byId(link.getAttribute("href").slice(1));
    if (!card) return;
    event.preventDefault();
    card.scrollIntoView({ block: "center" });
    card.querySelector(".actions button, a.button")?.focus({ preventScroll: true });
  }
  function watch() {
    watcher.disconnect();
    for (const timer of inSight.values()) clearTimeout(timer);
    inSight.clear();
    for (const story of board.querySelectorAll(".open li.card.high:not(.taken) .story")) watcher.observe(story);
  }

  /// Puts the new fragment in place, keeping every card that did not change: focus, selection and flashing go on.
  function swap(html) {
    const settle = anchor();
    const fresh = new DOMParser().parseFromString(html, "text/html").body;
    const old = new Map([...board.querySelectorAll("li.card")].map((card) => [card.id, card]));
    const focused = board.contains(document.activeElement) ? document.activeElement.id : "";
    const announcer = byId("announcer");
    for (const card of fresh.querySelectorAll("li.card")) {
      const before = old.get(card.id);
      const print = fingerprint(card);
      if (before && before.fingerprint === print) card.replaceWith(before);
      else {
        card.fingerprint = print;
        // What was said beside a button stays beside it.
        if (before?.querySelector("details")?.open) card.querySelector("details")?.setAttribute("open", "");
        const said = before?.querySelector(".card-notice");
        if (said) card.querySelector(".actions").append(said);
        // Whoever stands before a door reads a code for its minute, though a score changes meanwhile.
        const codes = before?.querySelector(".codes");
        if (codes && card.querySelector(".access")) card.querySelector(".help").append(codes);
      }
      if (!before) {
        const line = document.createElement("p");
        line.textContent = announcement(card);
        announcer.append(line);
      }
    }
    while (announcer.childElementCount > 5) announcer.firstElementChild.remove();
    board.replaceChildren(...fresh.childNodes);
    if (focused && document.activeElement?.id !== focused) near(focused).focus({ preventScroll: true });
    watch();
    setTimeout(pin, 250);
    tick();
    settle();
    showTrust();
  }
  /// A button that is gone leaves the focus on its card, at the next thing to do.
  function near(id) {
    const card = id.slice(2);
    return byId(id) ?? byId(`r-${card}`) ?? byId(`a-${card}`) ?? board;
  }
  const textOf = (card, part) => card.querySelector(part).textContent;
  /// Read aloud when a card appears.
  const announcement = (card) =>
    fill(texts.announce, { priority: textOf(card, ".priority-text").toLowerCase(), who: textOf(card, "h3"), what: textOf(card, ".what") });
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
    isKnown = data.known;
    isWell = data.known && data.problems.length === 0;
    list(byId("hub-grave"), data.problems.filter((problem) => problem.isGrave).map((problem) => problem.text));
    list(byId("hub-partial"), data.problems.filter((problem) => !problem.isGrave).map((problem) => problem.text));
    set(byId("heard"), data.heard);
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

  /// Says how it went beside the button that was pressed, where the person looks; at the top when the card is gone.
  function tell(button, kind, text) {
    const holder = (button.isConnected ? button.closest("li") : byId(button.closest("li")?.id ?? "")) ?? null;
    if (!holder) {
      const place = byId(kind === "problem" ? "failure" : "success");
      place.className = `notice notice-${kind}`;
      place.textContent = text;
      place.hidden = false;
      place.scrollIntoView({ block: "nearest" });
      fading = setTimeout(() => (byId("success").hidden = true), 12000);
      return;
    }
    holder.querySelector(".card-notice")?.remove();
    const line = document.createElement("p");
    line.className = `card-notice notice notice-${kind}`;
    line.setAttribute("role", kind === "problem" ? "alert" : "status");
    line.textContent = text;
    (holder.querySelector(".actions") ?? holder).append(line);
    line.scrollIntoView({ block: "nearest" });
    // What failed stays until the next try; what succeeded is soon seen on the board itself.
    if (kind !== "problem") setTimeout(() => line.remove(), 12000);
  }
  /// What is restricted of a person, on the card of whoever asked, for a minute. It is gone sooner with its card (the alert is closed), and
  /// when the page is left or loaded anew: it lives in these elements and nowhere else.
  function show(button, answer) {
    const card = button.isConnected ? button.closest("li.card") : null;
    if (!card) return tell(button, "information", texts.accessHidden);
    card.querySelector(".codes")?.remove();
    const box = document.createElement("div");
    box.className = "codes";
    box.setAttribute("role", "status");
    const list = document.createElement("dl");
    for (const { label, text } of answer.fields) {
      const line = document.createElement("div");
      line.append(document.createElement("dt"), document.createElement("dd"));
      line.firstChild.textContent = label;
      line.lastChild.textContent = text;
      list.append(line);
    }
    const note = document.createElement("p");
    note.textContent = answer.text;
    box.append(list, note);
    button.closest(".help").append(box);
    setTimeout(() => box.remove(), answer.seconds * 1000);
  }
  function hide() {
    for (const box of document.querySelectorAll(".codes")) box.remove();
  }
  /// Whether the console cannot be reached at all. Slow is not gone: only a refused connection is known to have recorded nothing.
  const isGone = () =>
    fetch("/livez", { cache: "no-store", signal: AbortSignal.timeout(1500) }).then(
      () => false,
      (error) => error.name !== "TimeoutError",
    );

  async function act(event) {
    const button = event.target.closest("button[formaction]");
    if (!button || event.button) return;
    event.preventDefault();
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    button.closest("li")?.querySelector(".card-notice")?.remove();
    byId("failure").hidden = true;
    byId("success").hidden = true;
    clearTimeout(fading);
    // Read now: the board may put another card in this one's place while we wait, and then the button has no form.
    const isAccess = button.classList.contains("access");
    const [place, body] = [button.getAttribute("formaction"), new URLSearchParams(new FormData(button.form))];
    try {
      if (await isGone()) return tell(button, "problem", isAccess ? texts.accessFailed : texts.actionFailed);
      const response = await fetch(place, {
        method: "POST", body, headers: { accept: "application/json" },
        signal: AbortSignal.timeout(8000),
      });
      if (response.status === 401) return location.assign("/");
      const answer = await response.json();
      if (answer.fields) show(button, answer);
      else tell(button, answer.kind, answer.text);
    } catch {
      // Sent, and no answer came: it may have been recorded.
      tell(button, "problem", isAccess ? texts.accessFailed : texts.outcomeUnknown);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  if (board) {
    for (const card of board.querySelectorAll("li.card")) card.fingerprint = fingerprint(card);
    board.addEventListener("click", act);
    byId("unseen").addEventListener("click", goTo);
    watch();
    setTimeout(pin, 250);
  }
  addEventListener("pagehide", hide);
  if (page.leave) setTimeout(() => location.replace(page.leave), Number(page.seconds) * 1000);
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
