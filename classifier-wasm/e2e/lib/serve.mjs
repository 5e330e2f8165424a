// A static file server on a free port of the loopback, as plain as they come.

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { extname, join, normalize } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** Serves `folder`; `types` replaces content types by extension. `requested` lists the paths asked for. */
export async function serve(folder, types = {}) {
  const requested = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    requested.push(path);
    const file = join(folder, normalize(path.endsWith("/") ? `${path}index.html` : path));
    const stat = statSync(file, { throwIfNoEntry: false });
    if (!stat?.isFile()) {
      // Browsers ask for an icon, whatever the page.
      response.writeHead(path === "/favicon.ico" ? 204 : 404).end();
      return;
    }
    const type = { ...TYPES, ...types }[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "content-length": stat.size });
    createReadStream(file).pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    requested,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
