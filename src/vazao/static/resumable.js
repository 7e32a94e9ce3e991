/* Files sent by tus that outlive a lost connection and an ended session. Needs sending.js and
   vendor/tus.min.js before it.

   new vazao.Resumable(file, hear, metadata)
       hear.moved(bytes), hear.became(state): "sending", or one of untilTaken's; hear.failed(error);
       hear.take(id) asks for what becomes of the whole file, and hear.done(id, answer) hears of it
   vazao.remembered(purpose)  this reader's unfinished uploads that no page is sending
   vazao.alone(known, work)   does it while no page may send that upload
   vazao.forget(address)      ends an upload

   The browser remembers an upload until its file was taken: after a reload the same file goes on.
   One page at a time sends a file for one purpose. Where a browser has no locks (without TLS) this
   holds within a page alone. */
"use strict";
(() => {
  const {
    away, complaint, gone, readable, reader, renewed, signedIn, strange, texts, token, untilTaken, wait, AGAIN_MS,
  } = window.vazao;
  const RETRIES_MS = [0, 500];
  const TASK = "task";
  const storage = () => tus.defaultOptions.urlStorage;
  const idOf = (address) => new URL(address, location.href).pathname.split("/").pop();

  /* The name of a file's upload in the browser: in its lock, and in what it remembers. */
  const mine = (purpose) => `vazao-${reader()}-${purpose}-`;
  const nameOf = (file, { purpose = TASK }) => (
    mine(purpose) + [file.name, file.type, file.size, file.lastModified].join("-")
  );
  const nameIn = (key) => key.slice("tus::".length, key.lastIndexOf("::"));

  const held = new Set();
  /* Gives what lets go of it; null where another holds it. */
  const hold = async (name) => {
    if (!navigator.locks) {
      if (held.has(name)) return null;
      held.add(name);
      return async () => { held.delete(name); };
    }
    return new Promise((done) => {
      let free;
      const kept = new Promise((end) => { free = end; });
      const over = navigator.locks.request(name, { ifAvailable: true }, (lock) => {
        done(lock && (() => { free(); return over; }));
        return lock && kept;
      });
    });
  };
  const heldNow = async () => (
    navigator.locks ? new Set((await navigator.locks.query()).held.map(({ name }) => name)) : held
  );
  const busy = () => new Error(texts().held);

  const unremember = async (id) => {
    const known = (await storage().findAllUploads()).filter((each) => idOf(each.uploadUrl) === id);
    await Promise.all(known.map((each) => storage().removeUpload(each.urlStorageKey)));
  };

  const remembered = async (purpose = TASK) => {
    const taken = await heldNow();
    return (await storage().findAllUploads()).filter(({ urlStorageKey }) => {
      const name = nameIn(urlStorageKey);
      return name.startsWith(mine(purpose)) && !taken.has(name);
    });
  };

  const alone = async ({ urlStorageKey }, work) => {
    const free = await hold(nameIn(urlStorageKey));
    if (!free) throw busy();
    try { await work(); } finally { await free(); }
  };

  /* End an upload, and give its room back. */
  const forget = async (address, again = false) => {
    const headers = { Accept: "application/json", "Tus-Resumable": "1.0.0", "X-CSRF-Token": token() };
    const answer = await fetch(address, { method: "DELETE", headers }).catch(() => null);
    if (!answer) throw new Error(texts().lost);
    if (strange(answer.status) && !again && await renewed()) {
      await forget(address, true);
      return;
    }
    const { status } = answer;
    // What a job has taken is no unfinished upload any more, either.
    if (answer.ok || [404, 409, 410].includes(status)) await unremember(idOf(address));
    if (answer.ok || [404, 410].includes(status)) return;
    throw Object.assign(new Error(complaint(await answer.text(), status)), { status });
  };

  class Resumable {
    constructor(file, hear, metadata = {}) {
      this.file = file;
      this.hear = hear;
      this.metadata = { filename: file.name, ...metadata };
      this.name = nameOf(file, metadata);
      this.url = null;
      this.turn = 0;
    }

    /* Begin, or go on where it stopped. */
    async start() {
      const turn = this.turn += 1;
      const goesOn = () => turn === this.turn;
      const there = await readable(this.file);
      const ours = await this.hold(goesOn);
      if (!goesOn()) return;
      if (!there || !ours) { this.fail(there ? busy() : gone()); return; }
      const upload = this.upload = this.made(turn);
      const [earlier] = await upload.findPreviousUploads();
      const known = this.url ?? earlier?.uploadUrl;
      const status = known ? await this.look(known) : 200;
      if (!goesOn()) return;
      if (away(status) || strange(status)) { await this.stopped(status, turn); return; }
      if (earlier && earlier.uploadUrl === known) upload.resumeFromPreviousUpload(earlier);
      this.hear.became("sending");
      upload.start();
    }

    made(turn) {
      const goesOn = () => turn === this.turn;
      const upload = new tus.Upload(this.file, {
        endpoint: "/files",
        uploadUrl: this.url,
        retryDelays: RETRIES_MS,
        removeFingerprintOnSuccess: false,
        fingerprint: async () => this.name,
        metadata: this.metadata,
        headers: { Accept: "application/json", "X-CSRF-Token": token() },
        onShouldRetry: (error) => {
          const status = error.originalResponse?.getStatus() ?? 0;
          return away(status) || status === 409 || status === 423;
        },
        onUploadUrlAvailable: () => { this.url = upload.url; },
        onProgress: (sent) => { if (goesOn()) this.moved(sent); },
        onError: (error) => {
          const answer = error.originalResponse;
          const status = answer?.getStatus() ?? 0;
          if (goesOn()) this.stopped(status, turn, answer?.getBody() ?? "");
        },
        onSuccess: () => { if (goesOn()) this.whole(goesOn); },
      });
      return upload;
    }

    /* The client begins anew where this is refused: who is signed out would lose what is there. */
    async look(address) {
      const headers = { "Tus-Resumable": "1.0.0", "X-CSRF-Token": token() };
      const answer = await fetch(address, { method: "HEAD", headers }).catch(() => null);
      return answer?.status ?? 0;
    }

    /* Whether it is ours to send; no other page may then. */
    async hold(goesOn = () => true) {
      await this.freed;
      if (!goesOn()) return false;
      const holding = this.holding ??= hold(this.name);
      const ours = await holding !== null;
      if (!ours && this.holding === holding) this.holding = null;
      return ours;
    }

    release() {
      const holding = this.holding;
      this.holding = null;
      this.freed = Promise.resolve(holding).then((free) => free?.());
      return this.freed;
    }

    fail(error) {
      this.release();
      this.hear.failed(error);
    }

    moved(sent) {
      if (sent > 0) this.renewed = false;
      this.hear.moved(sent);
    }

    async whole(goesOn) {
      const id = idOf(this.url);
      try {
        const answer = await untilTaken(() => this.hear.take(id), (state) => this.hear.became(state), { goesOn });
        if (!goesOn()) return;
        await unremember(id);
        this.release();
        this.hear.done(id, answer);
      } catch (error) { if (goesOn()) this.fail(error); }
    }

    async stopped(status, turn, said = "") {
      const goesOn = () => turn === this.turn;
      if (status === 0 && !await readable(this.file)) {
        if (goesOn()) this.fail(gone());
        return;
      }
      if (away(status)) {
        this.hear.became("lost");
        await wait(AGAIN_MS);
      } else if (strange(status) && !this.renewed) {
        this.hear.became("signed-out");
        await signedIn(goesOn);
        this.renewed = true;
      } else {
        this.fail(new Error(complaint(said, status)));
        return;
      }
      if (goesOn()) await this.start();
    }

    async stop() {
      this.turn += 1;
      await this.upload?.abort();
    }

    /* Others may go on with it. */
    async abort() {
      await this.stop();
      await this.release();
    }

    /* End it, unless another page is sending it by now. */
    async discard() {
      await this.stop();
      try {
        if (this.url && await this.hold()) await forget(this.url);
      } catch (error) {
        if (error.status === 409) this.url = null;
        throw error;
      } finally { await this.release(); }
    }
  }

  Object.assign(window.vazao, { Resumable, alone, forget, remembered });
})();
