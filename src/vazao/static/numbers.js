/* Text files of numbers on /jobs/new: they go by tus to /files, and then to /sum-even. Needs
   uploads.js before it. */
"use strict";
(() => {
  const { Resumable, token, work, written } = window.vazao;
  const { Pace, Work, ask, targets } = work;
  const LONGEST_SUM = 120;

  class Numbers extends Work {
    start() {
      const pace = new Pace();
      this.upload ??= new Resumable(this.file, {
        became: (state) => this.become(state),
        moved: (sent) => this.moved(sent, pace.at(sent)),
        failed: (error) => this.fail(error),
        take: (id) => this.take(id),
        done: (_, answer) => this.sum(answer).catch((error) => this.fail(error)),
      }, { filetype: "text/plain" });
      this.become("sending");
      this.upload.start();
    }

    async pause() {
      this.become("paused");
      await this.upload.abort();
    }

    async discard() {
      this.become("paused");
      // What a job has taken is the job's.
      const ending = this.token ? this.upload.abort() : this.upload?.discard();
      await ending?.catch((error) => this.fail(error));
      if (this.state === "paused") this.remove();
    }

    take(id) {
      this.moved(this.file.size);
      return fetch("/sum-even", {
        method: "POST", body: JSON.stringify({ file: id }),
        headers: {
          Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": token(),
          "Idempotency-Key": `sum-even ${id}`,
        },
      });
    }

    async sum(answer) { await this.follow((await answer.json()).token); }

    /* The sum may have more digits than a number of JavaScript holds: read as text. */
    async result(id) {
      const text = await ask(`/sum-even/${id}/result`);
      for (const place of this.root.querySelectorAll("[data-sum]")) {
        const [, digits] = text.match(new RegExp(`"${place.dataset.sum}"\\s*:\\s*"?(-?\\d+)`)) ?? [];
        place.textContent = !digits ? "—"
          : digits.length > LONGEST_SUM ? `${digits.slice(0, LONGEST_SUM)}… (${written(digits.length)})`
            : written(BigInt(digits).toLocaleString(document.documentElement.lang));
      }
      this.find("none").hidden = !/"numbers"\s*:\s*0\b/.test(text);
      this.find("sum").hidden = false;
    }
  }

  targets.push({
    Work: Numbers,
    takes: ({ type }) => type === "" || type.startsWith("text/") || type === "application/octet-stream",
  });
})();
