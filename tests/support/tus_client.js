// Uploads a file with tus-js-client; what it is told comes as JSON, what happens goes to stdout.
"use strict";
const fs = require("node:fs");
const tus = require("tus-js-client");

const told = JSON.parse(process.argv[2]);
const say = (what) => fs.writeSync(1, JSON.stringify(what) + "\n");

// Everything of this process stands still until the file is there; the server hears nothing.
function standStill() {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  while (!fs.existsSync(told.go)) Atomics.wait(clock, 0, 0, 20);
}

// By what is read, not by onProgress: that is told every 100 ms, and all may be sent by then.
let stood = false;
const read = fs.ReadStream.prototype._read;
fs.ReadStream.prototype._read = function (size) {
  if (told.standAt && this.bytesRead >= told.standAt && !stood) {
    stood = true;
    say({ standing: this.bytesRead });
    standStill();
  }
  return read.call(this, size);
};

const upload = new tus.Upload(fs.createReadStream(told.file), {
  endpoint: told.endpoint,
  chunkSize: told.chunkSize || Infinity,
  uploadDataDuringCreation: Boolean(told.duringCreation),
  removeFingerprintOnSuccess: true,
  retryDelays: Array(60).fill(250),
  metadata: { filename: "números.txt", filetype: "text/plain" },
  urlStorage: new tus.FileUrlStorage(told.urls),
  onAfterResponse(request, response) {
    say({
      method: request.getMethod(), status: response.getStatus(),
      offset: Number(response.getHeader("Upload-Offset")),
    });
  },
  onChunkComplete(size, accepted) {
    if (told.dieAt && accepted >= told.dieAt) process.kill(process.pid, "SIGKILL");
  },
  onError(error) {
    say({ error: String(error) });
    process.exitCode = 1;
  },
  onSuccess() {
    say({ url: upload.url });
    if (told.thenEnd) tus.Upload.terminate(upload.url, { retryDelays: [] }).then(() => say({ ended: true }));
  },
});

upload.findPreviousUploads().then((found) => {
  if (found.length) upload.resumeFromPreviousUpload(found[0]);
  say({ previous: found.length });
  upload.start();
});
