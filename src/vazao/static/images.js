/* PNG pictures on /jobs/new: they go to /randomize. Needs uploads.js before it. */
"use strict";
(() => {
  const { complaint, token, work } = window.vazao;
  const { Pace, Work, targets, texts } = work;

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

  targets.push({ Work: Picture, takes: ({ type }) => type === "image/png" });
})();
