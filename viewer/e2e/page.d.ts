// What wasm-bindgen makes at build time, as the page's worker uses it: see viewer/src/worker.rs.
declare module "*/viewer.js" {
  export default function init(): Promise<unknown>;
  export class Worker {
    handle(text: string): string | undefined;
  }
}
