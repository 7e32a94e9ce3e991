/* The API's reference from /openapi.json, without what would ask another host. */
"use strict";
addEventListener("DOMContentLoaded", () => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const shade = () => root.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", shade);
  shade();

  // The cookie of a signed-in person goes with each request; what changes things must prove, too,
  // that a page of ours sends it.
  const csrf = document.querySelector("meta[name=csrf]").content;
  const safe = new Set(["GET", "HEAD", "OPTIONS"]);
  const prove = (request) => {
    const here = new URL(request.url, location.href).origin === location.origin;
    const unsafe = !safe.has((request.method || "GET").toUpperCase());
    if (csrf && here && unsafe) request.headers["X-CSRF-Token"] = csrf;
    return request;
  };

  SwaggerUIBundle({
    url: "/openapi.json", domNode: document.getElementById("reference"), validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis], deepLinking: true, docExpansion: "list",
    defaultModelsExpandDepth: 0, displayRequestDuration: true, requestInterceptor: prove,
    // Its own <main> stands within ours, which is the page's only one.
    onComplete: () => {
      for (const inner of document.querySelectorAll("#reference main")) inner.role = "presentation";
    },
  });
});
