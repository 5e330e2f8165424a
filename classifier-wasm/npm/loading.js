// Which build of the WebAssembly, and whether it is there yet.

let isReady = false;

/** Called once the bindings have their WebAssembly. */
export function setReady() {
  isReady = true;
}

/**
 * Throws unless `setReady` was called.
 * @param {string} caller
 */
export function checkReady(caller) {
  if (!isReady) throw new Error(`${caller}: the WebAssembly is not loaded yet: \`await init()\` first`);
}

/** Whether this engine has WebAssembly's 128-bit SIMD: it then accepts a function that counts the bits of a vector's bytes. */
export function hasSimd() {
  // prettier-ignore
  return WebAssembly.validate(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, // "\0asm", version 1
    1, 5, 1, 96, 0, 1, 123, // one type: () -> v128
    3, 2, 1, 0, // one function of that type
    10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11, // i32.const 0, i8x16.splat, i8x16.popcnt
  ]));
}
