/* Text files of numbers on /jobs/new: they go by tus to /files, and then to /sum-even. Needs
   uploads.js before it. */
"use strict";
(() => {
  const { token, work, written } = window.vazao;
  const { Pace, Work, ask, complaint, forget, targets, texts, unremember } = work;
  const LONGEST_SUM = 120;

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

  targets.push({
    Work: Numbers,
    takes: ({ type }) => type === "" || type.startsWith("text/") || type === "application/octet-stream",
  });
})();
