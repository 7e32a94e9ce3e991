/* Files sent by tus that outlive a lost connection and an ended session. Needs sending.js and
   vendor/tus.min.js before it.

   new vazao.Resumable(file, hear)   hear.moved(bytes), hear.became(state), hear.failed(error) and
                                     hear.done(id); a state is "sending", or one of untilTaken's

   The browser remembers an upload until it is whole: after a reload the same file goes on. */
"use strict";
(() => {
  const { away, complaint, gone, readable, signedIn, strange, token, wait, AGAIN_MS } = window.vazao;
  const RETRIES_MS = [0, 500];

  class Resumable {
    constructor(file, hear, metadata = {}) {
      this.file = file;
      this.hear = hear;
      this.metadata = { filename: file.name, ...metadata };
      this.url = null;
      this.turn = 0;
    }

    /* Begin, or go on where it stopped. */
    async start() {
      const turn = this.turn += 1;
      const there = await readable(this.file);
      if (turn !== this.turn) return;
      if (!there) { this.hear.failed(gone()); return; }
      const upload = new tus.Upload(this.file, {
        endpoint: "/files",
        uploadUrl: this.url,
        retryDelays: RETRIES_MS,
        removeFingerprintOnSuccess: false,
        metadata: this.metadata,
        headers: { Accept: "application/json", "X-CSRF-Token": token() },
        onShouldRetry: (error) => {
          const status = error.originalResponse?.getStatus() ?? 0;
          return away(status) || status === 409 || status === 423;
        },
        onUploadUrlAvailable: () => { this.url = upload.url; },
        onProgress: (sent) => { if (turn === this.turn) this.moved(sent); },
        onError: (error) => {
          const answer = error.originalResponse;
          const status = answer?.getStatus() ?? 0;
          if (turn === this.turn) this.stopped(status, turn, answer?.getBody() ?? "");
        },
        onSuccess: () => { if (turn === this.turn) this.hear.done(this.id()); },
      });
      this.upload = upload;
      const [earlier] = await upload.findPreviousUploads();
      const known = this.url ?? earlier?.uploadUrl;
      const status = known ? await this.look(known) : 200;
      if (turn !== this.turn) return;
      if (away(status) || strange(status)) { await this.stopped(status, turn); return; }
      if (earlier && earlier.uploadUrl === known) upload.resumeFromPreviousUpload(earlier);
      this.hear.became("sending");
      upload.start();
    }

    /* The client begins anew where this is refused: who is signed out would lose what is there. */
    async look(address) {
      const headers = { "Tus-Resumable": "1.0.0", "X-CSRF-Token": token() };
      const answer = await fetch(address, { method: "HEAD", headers }).catch(() => null);
      return answer?.status ?? 0;
    }

    moved(sent) {
      if (sent > 0) this.renewed = false;
      this.hear.moved(sent);
    }

    id() { return new URL(this.url, location.href).pathname.split("/").pop(); }

    async stopped(status, turn, said = "") {
      const goesOn = () => turn === this.turn;
      if (status === 0 && !await readable(this.file)) {
        if (goesOn()) this.hear.failed(gone());
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
        this.hear.failed(new Error(complaint(said, status)));
        return;
      }
      if (goesOn()) await this.start();
    }

    async abort() {
      this.turn += 1;
      await this.upload?.abort();
    }

    /* End it, and give its room back; what cannot be told now expires. */
    async discard() {
      await this.abort();
      if (!this.url) return;
      await tus.Upload.terminate(this.url, { headers: { "X-CSRF-Token": token() }, retryDelays: [] }).catch(() => {});
      await unremember(this.id());
    }
  }

  /* What the browser remembers of uploads. */
  const storage = () => tus.defaultOptions.urlStorage;
  const unremember = async (id) => {
    const known = (await storage().findAllUploads()).filter((each) => each.uploadUrl.endsWith(`/${id}`));
    await Promise.all(known.map((each) => storage().removeUpload(each.urlStorageKey)));
  };

  Object.assign(window.vazao, { Resumable, storage, unremember });
})();
