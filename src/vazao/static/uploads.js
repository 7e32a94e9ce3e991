/* Files dropped on /jobs/new: numbers go by tus to /files and then to /sum-even; PNG pictures go
   to /randomize. Needs app.js (window.vazao) and vendor/tus.min.js before it.

   <section data-work>             takes files: the field in it, or whatever is dropped on it
   <template id="work">            one file; data-state is waiting, sending, paused, working,
                                   finished or failed, and [data-when="…"] shows in these only
   [data-act]                      pause, resume, again, discard

   A tus upload is remembered by the browser until its job is there; after a reload the same file
   goes on where it stopped. At most SENDING files are sent at a time, since a browser holds few
   connections open to a server. */
"use strict";
(() => {
  const { token, written } = window.vazao;
  const texts = () => document.getElementById("work-texts").dataset;
  const FINAL = new Set(["finished", "failed", "cancelled"]);
  const SENDING = 2;
  const LONGEST_SUM = 120;
  const works = new Set();

  const say = (text) => { document.querySelector("[data-work-messages]").textContent = text; };

  /* The API answers errors in one shape, the two old routes with a text. */
  const complaint = (text, status) => {
    try {
      const body = JSON.parse(text);
      return body.error?.message ?? body.error ?? body.message ?? `${status}`;
    } catch { return `${status}`; }
  };
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
      // Sending a file again does not mend what its job found wrong in it.
      if (this.token) this.root.querySelector('[data-act="again"]')?.remove();
      else this.find("job").hidden = true;
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
      this.find("error").textContent = error.message || texts().lost;
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

  class Numbers extends Work {
    start() {
      this.become("sending");
      const pace = new Pace();
      this.upload = new tus.Upload(this.file, {
        endpoint: "/files",
        retryDelays: [0, 1000, 3000, 5000, 10000, 20000],
        metadata: { filename: this.file.name, filetype: "text/plain" },
        headers: { Accept: "application/json", "X-CSRF-Token": token() },
        onProgress: (sent) => this.moved(sent, pace.at(sent)),
        onError: (error) => this.fail(this.reason(error)),
        onSuccess: () => this.sum().catch((error) => this.fail(error)),
      });
      this.upload.findPreviousUploads().then((earlier) => {
        if (earlier.length) this.upload.resumeFromPreviousUpload(earlier[0]);
        if (this.state === "sending") this.upload.start();
      });
    }

    reason(error) {
      const answer = error.originalResponse;
      return new Error(answer ? complaint(answer.getBody(), answer.getStatus()) : texts().lost);
    }

    async pause() {
      this.become("paused");
      await this.upload.abort();
    }

    async discard() {
      this.become("paused");
      const sent = this.upload;
      await sent?.abort();
      if (sent?.url && !this.token) await forget(sent.url).catch((error) => this.fail(error));
      if (this.state === "paused") this.remove();
    }

    async sum() {
      this.moved(this.file.size);
      const id = new URL(this.upload.url, location.href).pathname.split("/").pop();
      const made = JSON.parse(await ask("/sum-even", {
        method: "POST", body: JSON.stringify({ file: id }),
        headers: { "Content-Type": "application/json", "Idempotency-Key": `sum-even ${id}` },
      }));
      await unremember(this.upload.url);
      await this.follow(made.token);
    }

    /* The sum may have more digits than a number of JavaScript holds: read as text. */
    async result(id) {
      const text = await ask(`/sum-even/${id}/result`);
      for (const place of this.root.querySelectorAll("[data-sum]")) {
        const [, digits] = text.match(new RegExp(`"${place.dataset.sum}"\\s*:\\s*"?(-?\\d+)`)) ?? [];
        place.textContent = !digits ? "—"
          : digits.length > LONGEST_SUM ? `${digits.slice(0, LONGEST_SUM)}… (${written(digits.length)})`
            : written(BigInt(digits).toLocaleString(document.documentElement.lang));
      }
      this.find("sum").hidden = false;
    }
  }

  class Picture extends Work {
    constructor(file) {
      super(file);
      this.root.querySelector('[data-act="pause"]').remove();
    }

    start() {
      this.become("sending");
      const pace = new Pace();
      const request = new XMLHttpRequest();
      this.request = request;
      request.open("POST", "/randomize");
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("Content-Type", "image/png");
      request.setRequestHeader("X-CSRF-Token", token());
      request.upload.onprogress = (event) => this.moved(event.loaded, pace.at(event.loaded));
      request.onerror = () => this.fail(new Error(texts().lost));
      request.onload = () => {
        if (request.status >= 400) {
          this.fail(new Error(complaint(request.responseText, request.status)));
          return;
        }
        this.follow(JSON.parse(request.responseText).token).catch((error) => this.fail(error));
      };
      request.send(this.file);
    }

    discard() {
      this.request?.abort();
      this.remove();
    }

    async result(id) {
      const figure = this.find("picture");
      figure.querySelector("img").src = `/randomize/${id}/result`;
      figure.hidden = false;
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
    const busy = [...works].filter((work) => work.state === "sending").length;
    const waiting = [...works].filter((work) => work.state === "waiting");
    if (busy < SENDING && waiting.length) waiting[0].start();
  };

  const kindOf = (file) => {
    if (file.type === "image/png") return Picture;
    const text = file.type === "" || file.type.startsWith("text/") || file.type === "application/octet-stream";
    return text ? Numbers : Refused;
  };

  const take = (files) => {
    for (const file of files) {
      const work = new (kindOf(file))(file);
      works.add(work);
      document.querySelector("[data-work-list]").append(work.root);
    }
    next();
    next();
  };

  /* What the browser remembers of uploads. */
  const storage = () => tus.defaultOptions.urlStorage;
  const unremember = async (address) => {
    const known = (await storage().findAllUploads()).filter((each) => each.uploadUrl === address);
    await Promise.all(known.map((each) => storage().removeUpload(each.urlStorageKey)));
  };
  const forget = async (address) => {
    await tus.Upload.terminate(address, { headers: { "X-CSRF-Token": token() } }).catch((error) => {
      if (![404, 410].includes(error.originalResponse?.getStatus())) throw new Error(texts().lost);
    });
    await unremember(address);
  };

  const showUnfinished = async () => {
    const list = document.querySelector("[data-unfinished-list]");
    const section = document.querySelector("[data-unfinished]");
    for (const known of await storage().findAllUploads()) {
      const asking = { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } };
      // Without a connection nothing is known of it; the next visit asks again.
      const answer = await fetch(known.uploadUrl, asking).catch(() => null);
      if (answer === null) continue;
      if (!answer.ok) {
        if ([404, 410].includes(answer.status)) await unremember(known.uploadUrl);
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
        await forget(known.uploadUrl);
        row.remove();
        section.hidden = !list.children.length;
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
    if ([...works].some((work) => work.state === "sending")) event.preventDefault();
  });
})();
