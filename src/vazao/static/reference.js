/* The API's reference from /openapi.json, without what would ask another host. */
"use strict";
addEventListener("DOMContentLoaded", () => {
  SwaggerUIBundle({
    url: "/openapi.json", domNode: document.getElementById("reference"), validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis], deepLinking: true, docExpansion: "list",
  });
});
