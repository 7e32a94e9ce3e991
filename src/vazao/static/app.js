/* What the pages do beyond HTML, without a framework. Attributes are the whole interface:

   <meta name="csrf">             its value goes with every htmx request as X-CSRF-Token
   <time datetime data-relative>  "3 minutes ago", renewed; the exact local time in its title
   <time datetime data-local>     the local date and time
   data-stream="ADDRESS"          follows server-sent events of JSON objects; each event fills the
                                  descendants; the stream is closed once `status` is final, and
                                  with data-reload="ADDRESS" the page there is
                                  then loaded: never by sending again what was sent
     data-field="name"            receives that field: a <progress> its value, others their text;
                                  "result.rows" reaches into objects
     data-format="FORMAT"         number, percent (0 to 1), bytes, seconds, datetime; default: numbers
                                  as numbers, all else as text
     data-show="running queued"   shown only while `status` is one of these
   data-news="jobs"               has the event "news-jobs" sent to the body when the organization's
                                  jobs changed, once a second at most (for hx-trigger)
   label[data-drop]               a file field that takes dropped files; [data-drop-name] shows them,
                                  or the attribute's text where one is taken and several came
   button[data-copy="ID"]         copies the text of that element, and says data-copied in the
                                  [role=status] beside it; hidden without this script
   [data-once]                    gone from the page once it is left: the way back shows it no more
   input[data-all="NAME"]         ticks all boxes of that name in its form, or none
*/
"use strict";
(() => {
  const language = document.documentElement.lang || "en";
  const AGAIN_MS = 10_000;
  const SAID_MS = 2000;
  const FINAL = new Set(["finished", "failed", "cancelled"]);
  const token = () => document.querySelector('meta[name="csrf"]')?.content ?? "";
  const numbers = new Intl.NumberFormat(language);
  const oneDigit = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  // "Yesterday" would be wrong of what was 47 hours ago: days are counted, not those of a calendar.
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "always" });
  const now = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(0, "second");
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });

  const bytes = (value) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    const shown = () => Math.abs(unit ? Math.round(value * 10) / 10 : value);
    while (shown() >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
    return `${(unit ? oneDigit : numbers).format(value)} ${units[unit]}`;
  };

  const seconds = (value) => {
    if (Math.round(value * 1000) < 1000) return `${numbers.format(Math.round(value * 1000))} ms`;
    if (Math.round(value * 10) < 600) return `${oneDigit.format(value)} s`;
    const whole = Math.round(value);
    const minutes = Math.floor(whole / 60);
    const two = (n) => String(n).padStart(2, "0");
    if (minutes < 60) return `${minutes} min ${two(whole % 60)} s`;
    return `${numbers.format(Math.floor(minutes / 60))} h ${two(minutes % 60)} min`;
  };

  const formats = {
    number: (v) => numbers.format(v),
    // 0.29 times 100 is a little less than 29 in binary.
    percent: (v) => `${Math.min(Math.floor(Math.round(v * 1e8) / 1e6), v < 1 ? 99 : Infinity)}%`,
    bytes,
    seconds,
    datetime: (v) => exact.format(new Date(v)),
  };

  const written = (value, format) => {
    if (value === null || value === undefined) return "—";
    if (format && formats[format]) return formats[format](value);
    return typeof value === "number" ? numbers.format(value) : String(value);
  };

  const reach = (object, path) => path.split(".").reduce((part, key) => part?.[key], object);

  const fill = (root, data) => {
    for (const element of root.querySelectorAll("[data-field]")) {
      const value = reach(data, element.dataset.field);
      if (value === undefined) continue;
      if (element instanceof HTMLProgressElement) element.value = value ?? 0;
      else element.textContent = written(value, element.dataset.format);
    }
    if (data.status === undefined) return;
    root.dataset.status = data.status;
    for (const element of root.querySelectorAll("[data-show]")) {
      element.hidden = !element.dataset.show.split(" ").includes(data.status);
    }
  };

  // A page that asks before it is left is sending something: others must be signed in to elsewhere.
  const busy = () => !dispatchEvent(new Event("beforeunload", { cancelable: true }));
  const aim = (link) => {
    link.dataset.here ??= link.textContent;
    link.target = busy() ? "_blank" : "";
    link.textContent = link.target ? link.dataset.elsewhere : link.dataset.here;
  };

  // A page whose session has ended says so, and where to sign in again.
  const showSignedOut = (yes) => {
    const told = document.getElementById("signed-out");
    if (!told) return;
    if (yes) aim(told.querySelector("a"));
    told.hidden = !yes;
  };
  const tellSignedOut = async () => {
    const answer = await fetch("/v1/me").catch(() => null);
    if (answer) showSignedOut(answer.status === 401);
  };

  // A browser opens six connections to a server at most: a page that is not looked at gives its own
  // back, and asks again when it is.
  const listen = (address, hear) => {
    let source = null, stopped = false;
    const open = () => {
      if (source || document.hidden) return;
      source = new EventSource(address);
      source.onopen = () => showSignedOut(false);
      source.onmessage = (event) => hear(event, stop);
      source.onerror = () => { if (source?.readyState === EventSource.CLOSED) refused(); };
    };
    // The browser asks again by itself where the connection was lost, not where it was refused.
    const refused = async () => {
      close();
      await tellSignedOut();
      setTimeout(() => { if (!stopped) open(); }, AGAIN_MS);
    };
    const close = () => { source?.close(); source = null; };
    const turn = () => (document.hidden ? close() : open());
    const stop = () => { stopped = true; document.removeEventListener("visibilitychange", turn); close(); };
    document.addEventListener("visibilitychange", turn);
    open();
  };

  const follow = (root) => listen(root.dataset.stream, (event, stop) => {
    if (!root.isConnected) { stop(); return; }
    const data = JSON.parse(event.data);
    fill(root, data);
    tellNews("jobs");
    if (!FINAL.has(data.status)) return;
    stop();
    if (root.dataset.reload) setTimeout(() => location.replace(root.dataset.reload), 400);
  });

  // Pieces of a page wait for the event "news-<noun>" at the body: once a second at most.
  const due = new Set();
  const tellNews = (noun) => {
    if (due.has(noun)) return;
    due.add(noun);
    setTimeout(() => {
      due.delete(noun);
      document.body.dispatchEvent(new Event(`news-${noun}`));
    }, 1000);
  };
  const heard = new Set();
  const news = (element) => {
    const noun = element.dataset.news;
    // The stream that such a page follows anyway says when something changed.
    if (heard.has(noun) || document.querySelector("[data-stream]")) return;
    heard.add(noun);
    // The first word, too, which comes at once: something may have changed after the page was made.
    listen(`/news/${noun}`, () => tellNews(noun));
  };

  const STEPS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const tellTime = (element) => {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) return;
    element.title = exact.format(moment);
    if ("local" in element.dataset) { element.textContent = exact.format(moment); return; }
    const apart = (moment - Date.now()) / 1000;
    const [unit, size] = STEPS.find(([, s]) => Math.abs(apart) >= s) ?? ["second", 1];
    element.textContent = Math.abs(apart) < 1 ? now : relative.format(Math.trunc(apart / size), unit);
  };
  const tellTimes = (root) => {
    for (const element of root.querySelectorAll("time[data-relative], time[data-local]")) tellTime(element);
  };

  const dropZone = (zone) => {
    const input = zone.querySelector('input[type="file"]');
    const shown = zone.querySelector("[data-drop-name]");
    const show = () => {
      if (shown) shown.textContent = [...input.files].map((f) => `${f.name} · ${bytes(f.size)}`).join(", ");
      zone.classList.toggle("chosen", input.files.length > 0);
    };
    input.addEventListener("change", show);
    for (const name of ["dragenter", "dragover"]) {
      zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
    }
    for (const name of ["dragleave", "drop"]) {
      zone.addEventListener(name, () => zone.classList.remove("over"));
    }
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      if (input.disabled || !event.dataTransfer.files.length) return;
      if (event.dataTransfer.files.length > 1 && !input.multiple) {
        shown.textContent = zone.dataset.drop;
        return;
      }
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  };

  // The clipboard is there on secure pages alone; elsewhere the text is selected and copied by hand.
  const copy = (button) => {
    const source = document.getElementById(button.dataset.copy);
    const told = button.parentElement.querySelector("[role=status]");
    const label = button.textContent;
    let timer;
    button.hidden = false;
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(source);
      const done = await navigator.clipboard?.writeText(source.textContent).then(() => true, () => false)
        || document.execCommand("copy");
      const said = done ? button.dataset.copied : "";
      if (told) told.textContent = said;
      if (!done) return;
      button.textContent = said;
      clearTimeout(timer);
      timer = setTimeout(() => { button.textContent = label; if (told) told.textContent = ""; }, SAID_MS);
    });
  };

  const tickAll = (all) => {
    const boxes = () => [...all.form.querySelectorAll(`input[type="checkbox"][name="${all.dataset.all}"]`)];
    const show = () => {
      const ticked = boxes().filter((box) => box.checked).length;
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
    };
    all.closest("[hidden]")?.removeAttribute("hidden");
    all.addEventListener("change", () => { for (const box of boxes()) box.checked = all.checked; });
    all.form.addEventListener("change", show);
    show();
  };

  const prepared = new WeakSet();
  const once = (root, selector, make) => {
    for (const element of root.querySelectorAll(selector)) {
      if (prepared.has(element)) continue;
      prepared.add(element);
      make(element);
    }
  };
  const prepare = (root) => {
    tellTimes(root);
    once(root, "[data-stream]", follow);
    once(root, "[data-news]", news);
    once(root, "[data-drop]", dropZone);
    once(root, "button[data-copy]", copy);
    once(root, "input[data-all]", tickAll);
  };

  // For the scripts of single pages, which are loaded after this one.
  window.vazao = { token, written };

  // Who clicks twice on what asks first means it once: the second click would take the question away.
  document.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target.closest("[popovertarget]")) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#signed-out a");
    if (link) aim(link);
  });
  addEventListener("pagehide", () => {
    for (const element of document.querySelectorAll("[data-once]")) element.remove();
  });
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRF-Token"] = token();
  });
  // What was changed last is on the page, and the server does not know it.
  const lost = () => {
    const told = document.getElementById("not-taken");
    if (!told) return;
    told.setAttribute("role", "alert");
    told.hidden = false;
    told.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:responseError", lost);
  // What a reader is being asked stays as it is until they have answered; then it is renewed.
  const kept = new Set();
  document.addEventListener("htmx:beforeSwap", (event) => {
    const piece = event.detail.target;
    if (!piece.querySelector(":popover-open")) return;
    event.detail.shouldSwap = false;
    if (piece.dataset.news) kept.add(piece.dataset.news);
  });
  document.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    for (const noun of kept) tellNews(noun);
    kept.clear();
  }, true);
  document.addEventListener("htmx:afterSwap", () => {
    const told = document.getElementById("not-taken");
    if (told) told.hidden = true;
  });
  document.addEventListener("htmx:load", (event) => {
    prepare(event.detail.elt.parentElement ?? document);
  });
  document.addEventListener("DOMContentLoaded", () => prepare(document));
  setInterval(() => tellTimes(document), 30000);
})();
