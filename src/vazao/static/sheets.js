/* Sheets on /leads/imports. Needs app.js (window.vazao), resumable.js and htmx before it.

   form[data-sheet]   is sent as soon as a file is chosen. Of a large one pieces go first, enough to
                      show its first rows: the beginning of a text; of a ZIP its directory and the
                      beginning of each part. What was found then stands in #wizard while the rest
                      is on its way, with its progress in #sending. A large one goes by tus, small
                      ones with the form
   #sample            the pieces, which go along with every question about them
   #columns           is sent once the whole file is there, if a button was pressed before
   [data-history]     hidden meanwhile */
"use strict";
(() => {
  const { Resumable, refuse, remembered, token, written } = window.vazao;
  const SMALL = 2 << 20;
  const DAY_MS = 86_400_000;
  const HEAD = 1 << 20;
  const PART = 1 << 19;
  const TOTAL = 8 << 20;
  const DIRECTORY_MOST = 2 << 20;
  const SHOWN = /\.(xml|rels|csv|txt|tsv)$/i;
  const text = new TextDecoder();

  const bytesOf = async (file, begin, end) => new DataView(await file.slice(begin, end).arrayBuffer());

  /* Where a ZIP's directory begins and ends, by the record at its end. */
  const directoryOf = async (file) => {
    const begin = Math.max(file.size - 65_557, 0);
    const tail = await bytesOf(file, begin, file.size);
    for (let at = tail.byteLength - 22; at >= 0; at -= 1) {
      if (tail.getUint32(at, true) !== 0x06054b50) continue;
      const size = tail.getUint32(at + 12, true);
      const offset = tail.getUint32(at + 16, true);
      return offset + size <= file.size && size <= DIRECTORY_MOST ? { offset, size } : null;
    }
    return null;
  };

  const zipPieces = async (file) => {
    const directory = await directoryOf(file);
    if (!directory) return null;
    const { offset, size } = directory;
    const view = await bytesOf(file, offset, offset + size);
    const wanted = [[0, Math.min(PART, offset)], [offset, file.size - offset]];
    for (let at = 0; at + 46 <= size && view.getUint32(at, true) === 0x02014b50;) {
      const packed = view.getUint32(at + 20, true);
      const name = view.getUint16(at + 28, true);
      const begin = view.getUint32(at + 42, true);
      const said = text.decode(new Uint8Array(view.buffer, at + 46, Math.min(name, size - at - 46)));
      // Before its data a part has its name again, and what its program adds.
      const length = Math.min(packed + 1024, PART, offset - begin);
      if (SHOWN.test(said) && length > 0) wanted.push([begin, length]);
      at += 46 + name + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    }
    return merged(wanted);
  };

  const merged = (wanted) => {
    const found = [];
    for (const [begin, length] of wanted.sort((a, b) => a[0] - b[0])) {
      const last = found.at(-1);
      if (last && begin <= last[0] + last[1]) last[1] = Math.max(last[1], begin + length - last[0]);
      else if (length > 0) found.push([begin, length]);
    }
    return found;
  };

  const piecesOf = async (file) => {
    const head = await bytesOf(file, 0, 4);
    const pieces = head.getUint16(0) === 0x504b ? await zipPieces(file) : [[0, Math.min(file.size, HEAD)]];
    const total = (pieces ?? []).reduce((sum, [, length]) => sum + length, 0);
    return pieces && total <= TOTAL ? pieces : null;
  };

  class Sheet {
    constructor(form, file) {
      this.form = form;
      this.file = file;
      this.panel = document.getElementById("sending");
      this.sample = document.getElementById("sample");
      this.upload = null;
      this.pressed = null;
      this.over = new AbortController();
      const { signal } = this.over;
      document.addEventListener("submit", (event) => this.wait(event), { capture: true, signal });
      this.find("again").onclick = () => this.send();
      this.find("discard").onclick = () => this.discard();
      this.goesOn = false;
      window.addEventListener("beforeunload", (event) => {
        if (this.sending && !window.vazao.left) event.preventDefault();
      }, { signal });
      window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }, { signal });
      document.addEventListener("htmx:afterSwap", () => this.offer(), { signal });
    }

    /* A button was pressed before the whole file was there: it counts when it is. */
    wait(event) {
      if (event.target.id !== "columns" || this.upload) return;
      event.preventDefault();
      this.pressed = event.submitter?.value ?? "check";
      this.find("state").textContent = this.find("state").dataset.waiting;
    }

    find(name) { return this.panel.querySelector(`[data-sending-${name}]`); }
    wizard() { return document.getElementById("wizard"); }

    async begin() {
      const pieces = await piecesOf(this.file);
      if (!pieces) return false;
      const blob = new Blob(pieces.map(([begin, length]) => this.file.slice(begin, begin + length)));
      const held = new DataTransfer();
      held.items.add(new File([blob], "sample"));
      this.sample.elements.sample.files = held.files;
      this.sample.elements.layout.value = JSON.stringify({ size: this.file.size, pieces });
      this.sample.elements.filename.value = this.file.name;
      const shown = await this.look();
      if (shown) this.show(shown);
      return shown !== null;
    }

    /* The page of columns, from the pieces; the rest follows as soon as these are sent. */
    async look() {
      const answer = await fetch("/leads/imports/sample", {
        method: "POST", body: new FormData(this.sample), headers: { "X-CSRF-Token": token() },
      });
      if (!answer.ok) return null;
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("wizard");
      return found?.querySelector("#columns") ? found : null;
    }

    show(found) {
      for (const each of document.querySelectorAll("[data-history]")) each.hidden = true;
      this.form.hidden = true;
      this.panel.hidden = false;
      this.wizard().replaceWith(document.adoptNode(found));
      htmx.process(this.wizard());
      this.wizard().tabIndex = -1;
      this.wizard().focus({ preventScroll: true });
      this.send();
    }

    /* Send all of it, and go on to its columns by another page. */
    sendWhole() {
      this.goesOn = true;
      for (const each of document.querySelectorAll("[data-history]")) each.hidden = true;
      this.form.hidden = true;
      this.panel.hidden = false;
      this.send();
    }

    send() {
      this.sending = true;
      this.find("error").hidden = this.find("again").hidden = true;
      this.rest ??= new Resumable(this.file, {
        became: (state) => this.became(state),
        moved: (sent) => this.moved(sent / this.file.size),
        failed: (error) => this.fail(error),
        take: (id) => this.take(id),
        done: (id) => this.arrived(id),
      }, { filetype: this.file.type || "application/octet-stream", purpose: "sheet" });
      this.rest.start();
    }

    became(state) {
      for (const each of this.panel.querySelectorAll("[data-sending-when]")) {
        each.hidden = each.dataset.sendingWhen !== state;
      }
    }

    async discard() {
      this.sending = false;
      try { await this.rest.discard(); } catch (error) { this.fail(error); return; }
      location.assign("/leads/imports");
    }

    /* All of it is there: from now on it is a sheet, as one that came with a form. */
    take(id) {
      return fetch("/leads/uploads/stored", {
        method: "POST", body: new URLSearchParams({ upload: id }),
        headers: { Accept: "application/json", "X-CSRF-Token": token() },
      });
    }

    moved(share) {
      this.panel.querySelector("progress").value = share;
      this.find("share").textContent = written(share, "percent");
    }

    fail(error) {
      this.sending = false;
      this.became("failed");
      if (error.final) { this.giveUp(error); return; }
      this.find("error").textContent = error.message;
      this.find("error").hidden = this.find("again").hidden = false;
    }

    /* The page as it was before the file was chosen, and why. */
    giveUp(error) {
      this.over.abort();
      this.panel.hidden = this.wizard().hidden = true;
      this.form.hidden = false;
      for (const each of document.querySelectorAll("[data-history]:not([data-unfinished])")) each.hidden = false;
      refuse(this.form, error);
    }

    arrived(upload) {
      this.sending = false;
      if (this.goesOn) { location.assign(`/leads/imports/new?upload=${upload}`); return; }
      this.upload = upload;
      this.moved(1);
      this.find("discard").hidden = true;
      this.find("state").textContent = this.find("state").dataset.done;
      this.sample.reset();
      history.pushState(null, "", `/leads/imports/new?upload=${upload}`);
      window.addEventListener("popstate", () => location.reload());
      this.offer();
      if (this.pressed) document.querySelector(`#columns button[value=${this.pressed}]`)?.click();
    }

    /* Whatever stands there now may be sent: the whole file has a name. */
    offer() {
      if (!this.upload) return;
      for (const field of this.wizard().querySelectorAll("input[name=upload]")) field.value = this.upload;
    }
  }

  const begin = async (form, file) => {
    const sheet = new Sheet(form, file);
    let shown = false;
    const busy = (yes) => {
      for (const each of form.querySelectorAll("button, input")) each.disabled = yes;
      form.setAttribute("aria-busy", yes);
    };
    busy(true);
    try { shown = await sheet.begin(); } catch { /* then it is shown when it is here */ }
    busy(false);
    if (!shown) sheet.sendWhole();
  };

  /* Uploads that stopped before: who chooses the same file goes on. */
  const showUnfinished = async () => {
    const told = document.querySelector("[data-unfinished]");
    const known = await remembered("sheet");
    const lately = known.filter(({ creationTime }) => Date.now() - new Date(creationTime) < DAY_MS);
    if (!told || !lately.length) return;
    told.querySelector("[data-unfinished-names]").textContent = lately.map((each) => each.metadata.filename).join(", ");
    told.hidden = false;
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-sheet]")) return;
    const [file] = form.querySelector("input[type=file]").files;
    if (!file || file.size < SMALL) return;
    event.preventDefault();
    begin(form, file);
  }, true);
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (event.target.type !== "file" || !form?.matches("form[data-sheet]") || !event.target.files.length) return;
    form.requestSubmit();
  });
  document.addEventListener("DOMContentLoaded", () => showUnfinished());
})();
