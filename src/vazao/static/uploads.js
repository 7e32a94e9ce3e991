/* Files dropped on /jobs/new. Needs app.js (window.vazao) and resumable.js before it.

   window.vazao.work.targets       what scripts after this one add: takes(file) says whether a file
                                   is theirs, Work (a class over Work here) sends it and shows
                                   what came out

   <section data-work>             takes files: the field in it, or whatever is dropped on it
   <template id="work">            one file; data-state is waiting, sending, lost, signed-out, paused,
                                   working, finished or failed, and [data-when="…"] shows in these
   [data-act]                      pause, resume, again, discard

   A tus upload is remembered by the browser until its job is there; after a reload the same file
   goes on where it stopped. At most SENDING files are sent at a time, since a browser holds few
   connections open to a server. */
"use strict";
(() => {
  const { alone, complaint, forget, remembered, texts: said, token, written } = window.vazao;
  const texts = () => document.getElementById("work-texts").dataset;
  const FINAL = new Set(["finished", "failed", "cancelled"]);
  const SENDING = 2;
  const SENT = new Set(["sending", "lost", "signed-out"]);
  const works = new Set();
  const targets = [];

  const say = (text) => { document.querySelector("[data-work-messages]").textContent = text; };

  const ask = async (address, options = {}) => {
    const answer = await fetch(address, {
      ...options, headers: { Accept: "application/json", "X-CSRF-Token": token(), ...options.headers },
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(complaint(text, answer.status));
    return text;
  };
  const wait = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

  /* Bytes a second over the last few seconds. */
  class Pace {
    constructor() { this.seen = []; }
    at(sent) {
      const now = performance.now();
      this.seen.push([now, sent]);
      while (this.seen.length > 2 && now - this.seen[0][0] > 5000) this.seen.shift();
      const [then, before] = this.seen[0];
      return now > then ? (1000 * (sent - before)) / (now - then) : 0;
    }
  }

  class Work {
    constructor(file) {
      this.file = file;
      this.root = document.getElementById("work").content.firstElementChild.cloneNode(true);
      this.find("name").textContent = file.name;
      this.find("bar").setAttribute("aria-label", file.name);
      for (const button of this.root.querySelectorAll("[data-act]")) {
        button.setAttribute("aria-label", `${button.textContent}: ${file.name}`);
        button.addEventListener("click", () => this[button.dataset.act]());
      }
      this.moved(0);
      this.become("waiting");
    }

    find(name) { return this.root.querySelector(`[data-work-${name}]`); }

    become(state) {
      this.state = state;
      this.root.dataset.state = state;
      const held = this.root.contains(document.activeElement) ? document.activeElement : null;
      for (const each of this.root.querySelectorAll("[data-when]")) {
        each.hidden = !each.dataset.when.split(" ").includes(state);
      }
      // Sending a file again does not mend what its job found wrong in it, nor one that is gone.
      if (this.token || this.final) this.root.querySelector('[data-act="again"]')?.remove();
      if (!this.token) this.find("job").hidden = true;
      if (held?.hidden) this.root.querySelector("button:not([hidden]), a:not([hidden])")?.focus();
      const badge = this.root.querySelector(".badge:not([hidden])");
      if (state !== "waiting") say(`${this.file.name}: ${badge?.textContent ?? ""}`);
      next();
    }

    moved(sent, rate = 0) {
      const total = this.file.size;
      const share = total ? sent / total : 0;
      this.find("bar").value = share;
      this.find("share").textContent = written(share, "percent");
      this.find("sent").textContent = `${written(sent, "bytes")} ${texts().of} ${written(total, "bytes")}`;
      this.find("rate").textContent = rate ? written(rate, "bytes") : "—";
      this.find("eta").textContent = rate ? written((total - sent) / rate, "seconds") : "—";
    }

    fail(error) {
      this.final = error.final;
      this.find("error").textContent = error.message || said().lost;
      this.become("failed");
    }

    again() { this.become("waiting"); }
    resume() { this.again(); }

    remove() {
      const after = this.root.nextElementSibling ?? this.root.previousElementSibling;
      works.delete(this);
      this.root.remove();
      (after?.querySelector("button:not([hidden])") ?? document.querySelector("[data-work] input")).focus();
      next();
    }

    /* The job is there: follow it to its end. */
    async follow(id) {
      this.token = id;
      this.find("job").href = `/jobs/${id}`;
      this.become("working");
      let pause = 250;
      for (;;) {
        // A TypeError is fetch's word for a lost connection: the job goes on, and so do we.
        const text = await ask(`/v1/jobs/${id}`).catch((error) => {
          if (!(error instanceof TypeError)) throw error;
        });
        if (text === undefined) { await wait(2000); continue; }
        const job = JSON.parse(text);
        this.find("bar").value = job.progress;
        this.find("share").textContent = written(job.progress, "percent");
        if (FINAL.has(job.status)) {
          if (job.status !== "finished") throw new Error(job.error?.message ?? job.status);
          break;
        }
        await wait(pause);
        pause = Math.min(pause * 1.5, 2000);
      }
      await this.result(id);
      this.become("finished");
    }
  }

  class Refused extends Work {
    constructor(file) {
      super(file);
      this.root.querySelector('[data-act="again"]').remove();
      this.fail(new Error(texts().kind));
    }
    discard() { this.remove(); }
  }

  const next = () => {
    const busy = [...works].filter((work) => SENT.has(work.state)).length;
    const waiting = [...works].filter((work) => work.state === "waiting");
    if (busy < SENDING && waiting.length) waiting[0].start();
  };

  const kindOf = (file) => targets.find((target) => target.takes(file))?.Work ?? Refused;

  const take = (files) => {
    for (const file of files) {
      const work = new (kindOf(file))(file);
      works.add(work);
      document.querySelector("[data-work-list]").append(work.root);
    }
    next();
    next();
  };

  const showUnfinished = async () => {
    const list = document.querySelector("[data-unfinished-list]");
    const section = document.querySelector("[data-unfinished]");
    for (const known of await remembered()) {
      const asking = { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } };
      // Without a connection nothing is known of it; the next visit asks again.
      const answer = await fetch(known.uploadUrl, asking).catch(() => null);
      if (answer === null) continue;
      if (!answer.ok) {
        if ([404, 410].includes(answer.status)) await alone(known, () => forget(known.uploadUrl)).catch(() => {});
        continue;
      }
      const row = document.getElementById("unfinished-work").content.firstElementChild.cloneNode(true);
      row.dataset.url = known.uploadUrl;
      row.querySelector("[data-work-name]").textContent = known.metadata.filename;
      row.querySelector("[data-work-sent]").textContent = [
        written(Number(answer.headers.get("Upload-Offset")), "bytes"), texts().of, written(known.size, "bytes"),
        texts().kept,
      ].join(" ");
      row.querySelector("[data-act]").addEventListener("click", async () => {
        try {
          await alone(known, () => forget(known.uploadUrl));
          row.remove();
          section.hidden = !list.children.length;
        } catch (error) {
          const told = row.querySelector("[data-work-error]");
          told.textContent = error.message;
          told.hidden = false;
        }
      });
      list.append(row);
      section.hidden = false;
    }
  };

  const clearUnfinished = (file) => {
    for (const row of document.querySelectorAll("[data-unfinished-list] > li")) {
      if (row.querySelector("[data-work-name]").textContent === file.name) row.remove();
    }
    const left = document.querySelectorAll("[data-unfinished-list] > li").length;
    document.querySelector("[data-unfinished]").hidden = left === 0;
  };

  window.vazao.work = { Pace, Work, ask, targets };

  document.addEventListener("DOMContentLoaded", () => {
    const input = document.querySelector("[data-work] input");
    input.addEventListener("change", () => {
      const files = [...input.files];
      input.value = "";
      input.closest("[data-drop]").classList.remove("chosen");
      files.forEach(clearUnfinished);
      take(files);
    });
    showUnfinished();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!window.vazao.left && [...works].some((work) => SENT.has(work.state))) event.preventDefault();
  });
})();
