/* PNG pictures on /jobs/new: they go to /randomize. Needs uploads.js before it. */
"use strict";
(() => {
  const { send, untilTaken, work } = window.vazao;
  const { Pace, Work, targets } = work;

  class Picture extends Work {
    constructor(file) {
      super(file);
      this.root.querySelector('[data-act="pause"]').remove();
      this.key = `picture ${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
    }

    start() {
      this.become("sending");
      this.going = new AbortController();
      const { signal } = this.going;
      this.send(signal).catch((error) => { if (!signal.aborted) this.fail(error); });
    }

    /* A picture goes whole: after a lost connection it begins anew, under the same key. */
    async send(signal) {
      const ask = async () => {
        // Who is signed out would send it as the public, whose jobs this page does not show.
        const me = await fetch("/v1/me");
        if (!me.ok) return me;
        const pace = new Pace();
        return send(`/randomize?filename=${encodeURIComponent(this.file.name)}`, this.file, {
          signal, moved: (sent) => this.moved(sent, pace.at(sent)),
          headers: { "Content-Type": "image/png", "Idempotency-Key": this.key },
        });
      };
      const goesOn = () => !signal.aborted;
      const answer = await untilTaken(ask, (state) => this.become(state), { file: this.file, goesOn });
      if (answer) await this.follow(JSON.parse(await answer.text()).token);
    }

    discard() {
      this.going?.abort();
      this.remove();
    }

    async result(id) {
      const figure = this.find("picture");
      figure.querySelector("img").src = figure.querySelector("a").href = `/randomize/${id}/result`;
      figure.hidden = false;
    }
  }

  targets.push({ Work: Picture, takes: ({ type }) => type === "image/png" });
})();
