// Sends a file with tus-js-client or @uppy/tus in one of their modes; told as JSON, says JSON lines.
"use strict";
const fs = require("node:fs");
const net = require("node:net");
const { PassThrough } = require("node:stream");
const tus = require("tus-js-client");

const told = JSON.parse(process.argv[2]);
const say = (what) => fs.writeSync(1, JSON.stringify(what) + "\n");
const body = fs.readFileSync(told.file);
const metadata = { filename: "números.txt", filetype: "text/plain" };
// Not a file's own stream: of that the client takes the file.
const stream = () => fs.createReadStream(told.file).pipe(new PassThrough());
const storage = () => new tus.FileUrlStorage(told.urls);
const stored = () => (fs.existsSync(told.urls) ? Object.keys(JSON.parse(fs.readFileSync(told.urls, "utf8"))).length : 0);

// A line to the server that breaks once, after so many bytes of the client.
function breaking(after) {
  const { hostname, port } = new URL(told.endpoint);
  let left = after;
  return new Promise((ready) => {
    const server = net.createServer((client) => {
      const there = net.connect(Number(port), hostname);
      const end = () => { client.destroy(); there.destroy(); };
      client.on("error", end).on("close", end);
      there.on("error", end).on("close", end);
      client.on("data", (piece) => {
        there.write(piece);
        left -= piece.length;
        if (left <= 0 && left > -Infinity) { left = Infinity; end(); }
      });
      there.pipe(client);
    });
    server.listen(0, "127.0.0.1", () => {
      server.unref();
      ready(`http://127.0.0.1:${server.address().port}/files`);
    });
  });
}

function send(input, options = {}, begin = (upload) => upload.start()) {
  return new Promise((done, failed) => {
    const upload = new tus.Upload(input, {
      endpoint: told.endpoint, metadata, retryDelays: [50, 200, 500, 1000, 3000],
      onAfterResponse: (request, response) => say({
        method: request.getMethod(), status: response.getStatus(),
        requestId: request.getHeader("X-Request-ID"),
      }),
      onError: failed, onSuccess: () => done(upload), ...options,
    });
    begin(upload);
  });
}

// Sends about half, leaves, and gives what another upload may go on with.
function half(options) {
  return new Promise((done) => {
    let left = false;
    send(body, {
      ...options,
      onChunkComplete: (size, accepted) => {
        if (left || accepted < body.length / 4) return;
        left = true;
        upload.abort().then(() => done(upload));
      },
    }, (made) => { globalThis.upload = made; made.start(); });
  });
}

async function goOn(options) {
  await half({ ...options, urlStorage: storage() });
  say({ mark: "again" });
  const before = await new tus.Upload(body, { urlStorage: storage() }).findPreviousUploads();
  if (before.length !== 1) throw new Error(`${before.length} uploads in the storage`);
  return send(body, { ...options, urlStorage: storage() }, (upload) => {
    upload.resumeFromPreviousUpload(before[0]);
    upload.start();
  });
}

const chunkSize = 1 << 20;
const third = Math.floor(body.length / 3);
const MODES = {
  plain: () => send(body),
  chunkSize: () => send(body, { chunkSize }),
  uploadDataDuringCreation: () => send(body, { uploadDataDuringCreation: true }),
  "uploadDataDuringCreation, chunkSize": () => send(body, { uploadDataDuringCreation: true, chunkSize }),
  "stream as input": () => send(stream(), { chunkSize, uploadSize: body.length }),
  uploadLengthDeferred: () => send(stream(), { chunkSize, uploadLengthDeferred: true }),
  "uploadLengthDeferred, uploadDataDuringCreation": () =>
    send(stream(), { chunkSize, uploadLengthDeferred: true, uploadDataDuringCreation: true }),
  overridePatchMethod: () => send(body, { overridePatchMethod: true, chunkSize }),
  addRequestId: () => send(body, { addRequestId: true }),
  parallelUploads: () => send(body, { parallelUploads: 3 }),
  "parallelUploads, chunkSize": () => send(body, { parallelUploads: 2, chunkSize }),
  parallelUploadBoundaries: () => send(body, {
    parallelUploads: 2,
    parallelUploadBoundaries: [{ start: 0, end: third }, { start: third, end: body.length }],
  }),
  "parallelUploads, resumed": () => goOn({ parallelUploads: 2, chunkSize }),
  "parallelUploads, retry": async () => send(body, { endpoint: await breaking(3 << 20), parallelUploads: 2 }),
  "resumed from URL storage": () => goOn({ chunkSize }),
  "resumed by uploadUrl": async () => send(body, { uploadUrl: (await half({ chunkSize })).url }),
  "uploadUrl that is gone": () => send(body, { uploadUrl: `${told.endpoint}/${"0".repeat(32)}` }),
  removeFingerprintOnSuccess: async () => {
    const kept = await send(body, { urlStorage: storage() });
    if (stored() !== 1) throw new Error("nothing was stored");
    await tus.Upload.terminate(kept.url, { retryDelays: [] });
    fs.rmSync(told.urls);
    const upload = await send(body, { urlStorage: storage(), removeFingerprintOnSuccess: true });
    // The client does not wait for it either.
    for (let n = 0; stored() !== 0; n++) {
      if (n === 100) throw new Error("the fingerprint stayed");
      await new Promise((go) => setTimeout(go, 50));
    }
    return upload;
  },
  retry: async () => send(body, { endpoint: await breaking(5 << 20) }),
  terminate: async () => {
    const gone = await send(body);
    await tus.Upload.terminate(gone.url, { retryDelays: [] });
    const left = await half({ chunkSize });
    await left.abort(true);
    return send(body);
  },
};

function uppy(options, during = () => {}) {
  const { default: Uppy } = require("@uppy/core");
  const { default: Tus } = require("@uppy/tus");
  const made = new Uppy();
  made.use(Tus, { endpoint: told.endpoint, retryDelays: [50, 200, 500, 1000, 3000], ...options });
  made.addFile({
    name: metadata.filename, type: metadata.filetype, data: Object.assign(Buffer.from(body), { size: body.length }),
    meta: { caption: "", number: 5, none: null },
  });
  during(made);
  return made.upload().then((result) => {
    const file = result.successful[0];
    if (!file) throw new Error(String(result.failed[0]?.error));
    return { url: file.uploadURL };
  });
}

const UPPY = {
  plain: () => uppy({}),
  chunkSize: () => uppy({ chunkSize }),
  "parallelUploads: 2": () => uppy({ parallelUploads: 2 }),
  uploadDataDuringCreation: () => uppy({ uploadDataDuringCreation: true }),
  overridePatchMethod: () => uppy({ overridePatchMethod: true }),
  "allowedMetaFields": () => uppy({ allowedMetaFields: ["name", "type"] }),
  retry: async () => uppy({ endpoint: await breaking(5 << 20) }),
  "pause and resume": () => uppy({ chunkSize }, (made) => {
    let paused = false;
    made.on("upload-progress", (file, progress) => {
      if (paused || progress.bytesUploaded < chunkSize || progress.bytesUploaded >= body.length) return;
      paused = true;
      made.pauseAll();
      setTimeout(() => made.resumeAll(), 200);
    });
  }),
};

const modes = told.client === "@uppy/tus" ? UPPY : MODES;
Promise.resolve(modes[told.mode]()).then(
  (upload) => { say({ url: upload.url }); process.exit(0); },
  (error) => { say({ error: String(error) }); process.exit(1); },
);
